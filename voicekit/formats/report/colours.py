"""The colours of speakers and of stages, the same on a page and in a picture."""

from __future__ import annotations

# Found by a search that kept each hue near a nameable one and made the smallest distance between two colours large,
# as seen with normal eyes and with each of the three dichromacies (the matrices of Machado et al. 2009): at least
# 12 in CIELAB between any two, 20 between the first six. Every one of them is readable as text on its background
# (WCAG contrast of at least 4.5, also on the slightly darker ground of a card).
LIGHT = ("#092a94", "#bf4413", "#067f57", "#861168", "#463403", "#7864a4", "#5e262c", "#465e2c", "#56728c", "#1c544a")
"""On white, by order of the speakers' first words."""

DARK = ("#92b9fb", "#d07928", "#4bf0a4", "#fdadcf", "#e7eb5b", "#9d7af5", "#f55680", "#9cbb69", "#7392ab", "#22b697")
"""The same on a dark background."""

STAGES = {"transcribe": "#2f6db5", "diarize": "#0b7a63", "speak": "#9b4b97"}
"""On white, the stages with many pieces; the style sheet of the page has them too."""
