"""Segmentation of one object in a photograph: a prior from the picture's border, then GrabCut.

The prior is the boundary connectivity of superpixels (Zhu et al. 2014, "Saliency optimization from robust background
detection", eq. 3 to 6). A region is background as far as the area that it can reach without a change of color touches
the border of the picture. GrabCut loses thin legs, because their outline costs more than their area gains. They are put
back afterwards if the color models tell them from both of their sides.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

# Lengths are in pixels of a picture of `WORK_SIZE`. `benchmarks/constants.py` shows what half and twice of each costs.
WORK_SIZE = 320  # pixels along the longer side; the time grows with their square, and `upsample` draws the outline
SUPERPIXELS = 400  # then one is about 14 pixels wide, 1/23 of the picture
COLOR_SIGMA = 10.0  # Lab units over which two regions still count as one; Zhu 2014, eq. 3: any of 5 to 15 does
# Zhu 2014, eq. 6 maps the boundary connectivity to the probability: 2.1 becomes 0.9, 3.3 becomes 0.995.
SURE_BACKGROUND = 0.995  # probabilities above this teach the colors of the background
MAYBE_OBJECT = 0.9  # below this a region may be the object
BACKGROUND_LIKE = 5.0  # Lab distance below which colors count as equal: twice what the eye can tell (2.3, Mahy 1994)
BACKGROUND_COLORS = 16  # of the palette that stands for the sure background
FEWEST_SURE = 64  # pixels, four for each of these colors; fewer teach nothing
MOST_SURE = 3000  # pixels that are enough for the palette; more only take longer
FRAME = 3  # pixels at the border that are background for good where their region is: an object may touch it, not be it
FRAME_BACKGROUND = 0.99  # probability from which a pixel of the frame is background for good: almost sure
ODDS = 3.0  # log odds, 20 to 1: the border may outweigh the colors of a pixel so far and no farther
CLEAREST = (-10.0, 20.0)  # log odds, where they are cut off: in a blur, one clear pixel must not outweigh the others
THIN = 13  # pixels, 1/25 of the picture: what a disc this wide does not fit into is thin
PIECE = 10  # pixels: shorter pieces are spots
GAP = 7  # pixels, over which a piece still hangs on the object: 3 on either side
SURE_SHARE = 0.4  # of a piece's pixels that must stand out clearly; the others lie at its soft edges
HOLE = 30  # pixels: smaller holes are highlights
CRUMB = 0.01  # of the largest part's area: what is smaller is a spot; the mesher drops components by the same share
FARTHEST = 12  # pixels: parts farther from the largest one are other objects
_XYZ_OF_RGB = np.array(  # rows divided by the white point's X, Y, Z
    [[0.433953, 0.376219, 0.189828], [0.212671, 0.715160, 0.072169], [0.017758, 0.109477, 0.872766]], np.float32
)
EDGE_VARIANCE = 1e-3  # of grey in 0..1; `upsample` draws edges that exceed it: steps of 0.06, 16 of 255 levels
MIXTURE = 5  # Gaussians in each color model: fixed in cv2.grabCut, after Rother 2004, section 3.1


def segment_photo(rgb: UInt8[np.ndarray, "H W 3"]) -> UInt8[np.ndarray, "H W"]:
    """Alpha of the object that stands out from the border of a photograph; all zero where nothing does."""
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, WORK_SIZE / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    lab = cv2.GaussianBlur(_lab(small), (0, 0), 1)
    background = background_probability(lab)
    likely = (background < MAYBE_OBJECT) & (_distance_to_background_colors(lab, background) > BACKGROUND_LIKE)
    mask = np.zeros(likely.shape, dtype=bool)
    if 0 < likely.mean() < 1:
        mask, evidence = _grab_cut(small, likely, background)
        # The prior has a say in it: nothing where a region is surely background, twice `ODDS` where it surely is none.
        odds = np.log(np.maximum(1 - background, 1e-6) / np.maximum(background, 1e-6))
        mask = _with_thin_parts(mask, evidence + np.clip(odds, -ODDS, ODDS) + ODDS)
    mask = main_parts(mask)
    if scale == 1.0:
        return cv2.GaussianBlur(mask.astype(np.uint8) * 255, (3, 3), 0)
    return upsample(mask, rgb)


def background_probability(lab: Float[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W"]:
    """How surely each pixel of a picture in Lab is background, by the boundary connectivity of its superpixel."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import dijkstra
    from skimage.segmentation import slic

    # SLIC scales its input to 0..1, hence the small compactness.
    label = slic(lab, SUPERPIXELS, compactness=0.1, max_num_iter=8, convert2lab=False, start_label=0, channel_axis=-1)
    count = int(label.max()) + 1
    area = np.bincount(label.ravel(), minlength=count)
    color = np.stack([np.bincount(label.ravel(), c.ravel(), count) / area for c in np.moveaxis(lab, 2, 0)], axis=1)
    on_border = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    pairs = _neighbours(label)
    # All regions at the border are neighbours: the background may be cut in two by the object.
    around = on_border[np.stack(np.triu_indices(len(on_border), 1), axis=1)]
    pairs = np.unique(np.concatenate([pairs, around]), axis=0)
    steps = np.linalg.norm(color[pairs[:, 0]] - color[pairs[:, 1]], axis=1)
    # Small steps along a gradient must not add up: the usual smallest step of a region is free.
    smallest = np.full(count, np.inf)
    np.minimum.at(smallest, pairs[:, 0], steps)
    np.minimum.at(smallest, pairs[:, 1], steps)
    free = float(smallest[np.isfinite(smallest)].mean()) if len(steps) else 0.0
    graph = coo_matrix((np.maximum(steps - free, 0) + 1e-6, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    reach = np.exp(-(dijkstra(graph.tocsr(), directed=False) ** 2) / (2 * COLOR_SIGMA**2))
    connectivity = reach[:, on_border].sum(axis=1) / np.sqrt(reach.sum(axis=1))
    return (1 - np.exp(-(connectivity**2) / 2))[label]


def connected_parts(mask: np.ndarray, connectivity: int) -> tuple[Int[np.ndarray, "H W"], Int[np.ndarray, "P 5"]]:
    """Label the connected parts of a mask (0 is what lies outside) and give OpenCV's statistics of each."""
    import cv2

    _, label, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=connectivity)
    return np.asarray(label, dtype=np.int32), np.asarray(stats, dtype=np.int32)


def _lab(rgb: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W 3"]:
    """sRGB to CIE Lab, white D65. OpenCV's own spends a tenth of a second on tables before its first pixel."""
    level = np.arange(256) / 255
    linear = np.where(level > 0.04045, ((level + 0.055) / 1.055) ** 2.4, level / 12.92).astype(np.float32)[rgb]
    xyz = linear @ _XYZ_OF_RGB.T
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = np.moveaxis(f, 2, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=2)


def color_steps(rgb: UInt8[np.ndarray, "H W 3"]) -> Float[np.ndarray, "H W"]:
    """How much the color changes at each pixel, in Lab units, less the noise of a photograph; never quite 0."""
    import cv2

    lab = cv2.GaussianBlur(_lab(rgb), (0, 0), 1)
    slopes = [np.linalg.norm(cv2.Sobel(lab, cv2.CV_32F, *way) / 8, axis=2) for way in ((1, 0), (0, 1))]
    return 0.02 + np.maximum(np.hypot(*slopes) - 1, 0)


def _neighbours(label: Int[np.ndarray, "H W"]) -> Int[np.ndarray, "P 2"]:
    """Pairs of regions that share an edge, the smaller number first."""
    across = np.stack([label[:, :-1].ravel(), label[:, 1:].ravel()], axis=1)
    down = np.stack([label[:-1].ravel(), label[1:].ravel()], axis=1)
    pairs = np.concatenate([across, down])
    return np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)


def _distance_to_background_colors(lab: np.ndarray, background: np.ndarray) -> Float[np.ndarray, "H W"]:
    """Lab distance of each pixel to the nearest of the colors that sure background is made of."""
    import cv2

    sure = lab[background > SURE_BACKGROUND]
    if len(sure) < FEWEST_SURE:
        return np.full(background.shape, np.inf)
    sure = np.ascontiguousarray(sure[:: max(1, len(sure) // MOST_SURE)])
    cv2.setRNGSeed(0)
    criteria = (cv2.TERM_CRITERIA_COUNT, 10, 0)
    _, _, centres = cv2.kmeans(sure, BACKGROUND_COLORS, np.empty(0), criteria, 1, cv2.KMEANS_PP_CENTERS)
    squared = np.full(background.shape, np.inf, np.float32)
    for centre in centres:
        np.minimum(squared, ((lab - centre) ** 2).sum(axis=2), out=squared)
    return np.sqrt(squared)


def _grab_cut(
    rgb: np.ndarray, likely: np.ndarray, background: np.ndarray
) -> tuple[Bool[np.ndarray, "H W"], Float[np.ndarray, "H W"]]:
    """GrabCut at half and at full working size; also the log-likelihood ratio of object to background."""
    import cv2

    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    frame = np.ones(likely.shape, dtype=bool)
    frame[FRAME:-FRAME, FRAME:-FRAME] = False
    labels[frame & (background > FRAME_BACKGROUND)] = cv2.GC_BGD
    models = np.zeros((1, 13 * MIXTURE)), np.zeros((1, 13 * MIXTURE))
    half = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half_labels = cv2.resize(labels, half.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    cv2.setRNGSeed(0)
    if _has_both(half_labels):
        # Half the size takes a quarter of the time, so most rounds are there; full size begins near the end.
        cv2.grabCut(half, half_labels, (0, 0, 1, 1), *models, 4, cv2.GC_INIT_WITH_MASK)
        labels = cv2.resize(half_labels, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        evidence = _log_likelihood(rgb, models[1]) - _log_likelihood(rgb, models[0])
        labels[likely & (evidence > 0)] = cv2.GC_PR_FGD
    if not _has_both(labels):
        return np.zeros(likely.shape, dtype=bool), np.zeros(likely.shape)
    cv2.grabCut(rgb, labels, (0, 0, 1, 1), *models, 2, cv2.GC_INIT_WITH_MASK)
    evidence = _log_likelihood(rgb, models[1]) - _log_likelihood(rgb, models[0])
    return np.asarray(labels, dtype=np.uint8) % 2 == 1, evidence


def _has_both(labels: np.ndarray) -> bool:
    """Whether there are enough pixels on either side for their colors to be learned."""
    inside = int(np.count_nonzero(labels & 1))
    return min(inside, labels.size - inside) >= 4 * MIXTURE


def _log_likelihood(rgb: UInt8[np.ndarray, "H W 3"], model: Float[np.ndarray, "1 K"]) -> Float[np.ndarray, "H W"]:
    """Log-likelihood under one of cv2.grabCut's mixtures: K weights, K means of 3, K covariances of 9."""
    pixels = rgb.reshape(-1, 3).astype(np.float64)
    numbers = model.reshape(-1)
    weights, means = numbers[:MIXTURE], numbers[MIXTURE : 4 * MIXTURE].reshape(-1, 3)
    covariances = numbers[4 * MIXTURE :].reshape(-1, 3, 3) + 4 * np.eye(3)  # at least two levels wide
    density = np.zeros(len(pixels))
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        if weight > 0:
            white = (pixels - mean) @ np.linalg.cholesky(np.linalg.inv(covariance))
            density += weight / np.sqrt(np.linalg.det(covariance)) * np.exp(-0.5 * (white**2).sum(axis=1))
    return np.log(density + 1e-12).reshape(rgb.shape[:2])


def _with_thin_parts(mask: np.ndarray, evidence: np.ndarray) -> Bool[np.ndarray, "H W"]:
    """Add long thin pieces, hanging on the mask, whose color speaks for the object more than that of both sides."""
    import cv2

    level = cv2.GaussianBlur(np.clip(evidence, *CLEAREST).astype(np.float32), (0, 0), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (THIN, THIN))
    ridge = level - cv2.morphologyEx(level, cv2.MORPH_OPEN, disc)
    # Both say: log-likelihood ratio, and its excess over both sides. 1 and 2 are 2.7 and 7 to 1 for the object.
    strong, weak = (level > 1) & (ridge > 2), (level > 0) & (ridge > 1)
    mask = mask.copy()
    for _ in range(3):  # a leg may come in pieces, each hanging on the one before
        pieces = (weak & ~mask).astype(np.uint8)
        joined = cv2.morphologyEx(pieces, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        label, stats = connected_parts(joined, 8)
        count = len(stats)
        near = cv2.dilate(mask.astype(np.uint8), np.ones((GAP, GAP), np.uint8)) > 0
        length = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
        sure = np.bincount(label[strong], minlength=count) >= SURE_SHARE * stats[:, cv2.CC_STAT_AREA]
        touching = np.bincount(label[near], minlength=count) > 0
        take = (length >= PIECE) & sure & touching
        take[0] = False
        if not take.any():
            break
        mask |= take[label]
    return mask


def main_parts(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The largest component and those of some size close by; small holes, mostly highlights, closed."""
    import cv2

    mask = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    label, stats = connected_parts(1 - mask, 4)
    mask[(stats[:, cv2.CC_STAT_AREA] < HOLE)[label]] = 1
    label, stats = connected_parts(mask, 8)
    count = len(stats)
    if count < 2:
        return np.zeros(mask.shape, dtype=bool)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    apart = cv2.distanceTransform((label != largest).astype(np.uint8), cv2.DIST_L2, 3)
    keep = np.zeros(count, dtype=bool)
    for i in range(1, count):
        part = label == i
        keep[i] = (
            stats[i, cv2.CC_STAT_AREA] >= CRUMB * stats[largest, cv2.CC_STAT_AREA] and apart[part].min() < FARTHEST
        )
    keep[largest] = True
    return keep[label]


def upsample(mask: Bool[np.ndarray, "H W"], rgb: UInt8[np.ndarray, "H2 W2 3"]) -> UInt8[np.ndarray, "H2 W2"]:
    """Enlarge a mask to the picture's size, its edge drawn to the picture's by a guided filter.

    Source: He 2013, "Guided image filtering", with the grey picture as the guide.
    """
    import cv2

    height, width = rgb.shape[:2]
    coarse = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    guide = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    reach = 2 * round(max(height, width) / WORK_SIZE) + 1
    mean_guide, mean_mask = (cv2.blur(a, (reach, reach)) for a in (guide, coarse))
    covariance = cv2.blur(guide * coarse, (reach, reach)) - mean_guide * mean_mask
    slope = covariance / (cv2.blur(guide * guide, (reach, reach)) - mean_guide**2 + EDGE_VARIANCE)
    alpha = cv2.blur(slope, (reach, reach)) * guide + cv2.blur(mean_mask - slope * mean_guide, (reach, reach))
    # Far from the coarse edge the filter has nothing to say; a steeper ramp takes its haze away.
    alpha = np.clip((alpha - 0.5) * 2 + 0.5, 0, 1)
    return np.round(alpha * 255).astype(np.uint8)
