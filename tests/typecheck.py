"""The type checker that jaxtyping's pytest hook puts on every function of urform: an int is welcome as a float."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
