"""With what? Know, have, are: which kind of evidence a method gives, and what several of them give together."""

from helpers.factors.catalogue import Method, catalogue
from helpers.factors.combination import Assurance, Combination, combine
from helpers.factors.matching import UnknownMethod, classify

__all__ = ["Assurance", "Combination", "Method", "UnknownMethod", "catalogue", "classify", "combine"]
