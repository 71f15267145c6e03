"""A line plot with a logarithmic axis as SVG text: all that the growth of states needs."""

from __future__ import annotations

import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 120, 40, 45
LOOKS = (("#0b62a4", ""), ("#b03a2e", "7 4"), ("#2e7d32", "2 4"))  # colour and dashes: colour is not alone


def plot(title: str, x_title: str, lines: dict[str, list[tuple[int, int, bool]]]) -> str:
    """`lines`: name -> [(x, y, whether y is only a lower bound)]; such points are drawn hollow."""
    xs = [x for points in lines.values() for x, _, _ in points]
    tops = [y for points in lines.values() for _, y, _ in points]
    low, high = math.floor(math.log10(min(tops))), math.ceil(math.log10(max(tops)))
    first, last = min(xs), max(max(xs), min(xs) + 1)

    def at(x: int, y: int) -> tuple[float, float]:
        right = LEFT + (x - first) / (last - first) * (WIDTH - LEFT - RIGHT)
        down = TOP + (high - math.log10(y)) / max(high - low, 1) * (HEIGHT - TOP - BOTTOM)
        return round(right, 1), round(down, 1)

    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        'font-size="12" role="img">',
        f"<title>{title}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="20" font-size="14">{title}</text>',
    ]
    for power in range(low, high + 1):
        _, y = at(first, 10**power)
        out.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{10**power:,}</text>')
    for x in range(first, last + 1):
        right, _ = at(x, 10**low)
        out.append(f'<text x="{right}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{x}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    out.append(f'<text x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{x_title}</text>')
    for (name, points), (colour, dashes) in zip(lines.items(), LOOKS, strict=False):
        places = [at(x, y) for x, y, _ in points]
        path = " ".join(f"{x},{y}" for x, y in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-dasharray="{dashes}"/>')
        for (x, y), (_, count, more) in zip(places, points, strict=True):
            fill = "white" if more else colour
            says = f"<title>{name}: {'more than ' if more else ''}{count:,}</title>"
            out.append(f'<circle cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="{colour}">{says}</circle>')
        x, y = places[-1]
        out.append(f'<text x="{x + 9}" y="{y + 4}" fill="{colour}">{name}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"
