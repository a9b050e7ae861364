"""The colours of speakers and of stages, the same on a page and in a picture."""

from __future__ import annotations

# Spread over hue and lightness, so that neighbours differ for colour-blind eyes too; every one of them is
# readable as text (contrast of at least 4.5) on its background.
LIGHT = ("#0b61a4", "#b04a00", "#00705a", "#9c2c77", "#6b5500", "#5240b8", "#a32020", "#33691e", "#4e5b66", "#006a80")
"""On white, by order of the speakers' first words."""

DARK = ("#6db9f2", "#ff9e57", "#3fd0a8", "#f08fd0", "#d9c04c", "#b3a5ff", "#ff8a84", "#9ccc65", "#b4c2cf", "#52cbe0")
"""The same on a dark background."""
