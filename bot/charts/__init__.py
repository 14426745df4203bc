"""Pictures of numbers for pages, as inline SVG: drawn twice, for a wide window and for a phone.

ziaplot draws (docs/decisions/0024-ziaplot-draws.md) and is imported by ``canvas`` alone; words come from outside.
Colours are the page's own CSS variables, so a picture is dark where the page is. The same numbers give the same bytes.
"""
