"""The 55 categories of ShapeNet: a synset and its names mean the same."""

from __future__ import annotations

from collections.abc import Iterable

SYNSETS = {
    "02691156": "airplane plane aeroplane",
    "02747177": "trash_bin ashcan bin garbage_can",
    "02773838": "bag",
    "02801938": "basket",
    "02808440": "bathtub",
    "02818832": "bed",
    "02828884": "bench",
    "02843684": "birdhouse",
    "02871439": "bookshelf",
    "02876657": "bottle",
    "02880940": "bowl",
    "02924116": "bus",
    "02933112": "cabinet",
    "02942699": "camera",
    "02946921": "can tin_can",
    "02954340": "cap",
    "02958343": "car",
    "02992529": "cellphone mobile_phone",
    "03001627": "chair",
    "03046257": "clock",
    "03085013": "keyboard",
    "03207941": "dishwasher",
    "03211117": "display monitor",
    "03261776": "earphone headphone",
    "03325088": "faucet",
    "03337140": "file_cabinet file",
    "03467517": "guitar",
    "03513137": "helmet",
    "03593526": "jar",
    "03624134": "knife",
    "03636649": "lamp",
    "03642806": "laptop",
    "03691459": "loudspeaker speaker",
    "03710193": "mailbox",
    "03759954": "microphone",
    "03761084": "microwave",
    "03790512": "motorbike motorcycle",
    "03797390": "mug",
    "03928116": "piano",
    "03938244": "pillow",
    "03948459": "pistol",
    "03991062": "pot flowerpot",
    "04004475": "printer",
    "04074963": "remote remote_control",
    "04090263": "rifle",
    "04099429": "rocket",
    "04225987": "skateboard",
    "04256520": "sofa couch",
    "04330267": "stove",
    "04379243": "table",
    "04401088": "telephone phone",
    "04460130": "tower",
    "04468005": "train",
    "04530566": "watercraft vessel boat",
    "04554684": "washer washing_machine",
}
"""Names of each synset, the usual one first; plurals are understood, too."""


def synset_of(name: str) -> str | None:
    """The synset that a name means, 03001627 for "chairs"; None where it means none."""
    plain = name.strip().lower().replace(" ", "_").replace("-", "_")
    if plain in SYNSETS:
        return plain
    return next((synset for synset, names in SYNSETS.items() if not _forms(plain).isdisjoint(names.split())), None)


def same_category(name: str, other: str) -> bool:
    """Whether two names mean one category: equal, or both the same synset."""
    return name == other or (synset_of(name) is not None and synset_of(name) == synset_of(other))


def known_category(name: str, known: Iterable[str]) -> str | None:
    """The one of the known categories that a name means, by the name itself before others; None where there is none."""
    known = list(known)
    if name in known:
        return name
    return next((other for other in known if same_category(name, other)), None)


def _forms(name: str) -> set[str]:
    """A name and what it may be the plural of."""
    return {name, name.removesuffix("s"), name.removesuffix("es"), f"{name.removesuffix('ves')}f"} | (
        {f"{name.removesuffix('ves')}fe"} if name.endswith("ves") else set()
    )
