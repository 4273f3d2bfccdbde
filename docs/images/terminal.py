#!/usr/bin/env python3
"""Runs a command in a terminal of its own and draws the last screen that it leaves as an SVG.

    docs/images/terminal.py [--columns 100] [--last LINES] OUTPUT.svg COMMAND [ARGUMENT ...]

The picture is the real output: nothing is added but the line with the command. Only carriage
returns, line breaks and the codes that clear the rest of a line are understood. Needs Python's standard library.
"""
import argparse, fcntl, html, os, pty, re, struct, subprocess, sys, termios

CSS = """
.b { fill: #ffffff; stroke: #d0d7de } .t { fill: #1f2328 } .c { font-weight: 600 }
@media (prefers-color-scheme: dark) { .b { fill: #0d1117; stroke: #30363d } .t { fill: #e6edf3 } }
text { font: 13px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; white-space: pre }
"""
CELL, LINE, MARGIN = 7.83, 18, 16


def run(command, columns):
    """Returns the command's output in a terminal that is so wide, and its exit code."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = dict(os.environ, TERM="xterm-256color", COLUMNS=str(columns))
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    output = b""
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        output += part
        sys.stdout.buffer.write(part)
        sys.stdout.flush()
    return output.decode("utf-8", "replace"), process.wait()


def screen(output):
    """Returns the lines that stay on the screen."""
    lines, line, at = [], [], 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\s\S]", output):
        if token == "\n":
            lines.append("".join(line).rstrip())
            line, at = [], 0
        elif token == "\r":
            at = 0
        elif token in ("\x1b[K", "\x1b[0K", "\x1b[J", "\x1b[0J"):
            line = line[:at]
        elif token[0] == "\x1b":
            continue
        else:
            line[at : at + 1] = [token]
            at += 1
    return lines + (["".join(line).rstrip()] if "".join(line).strip() else [])


def wrapped(lines, columns):
    for line in lines:
        yield line[:columns]
        for begin in range(columns, len(line), columns):
            yield line[begin : begin + columns]


def svg(title, lines, columns):
    width, height = MARGIN * 2 + columns * CELL, MARGIN * 2 + len(lines) * LINE
    rows = []
    for number, line in enumerate(lines):
        style = "c t" if number == 0 else "t"
        y = MARGIN + (number + 0.75) * LINE
        rows.append(f'<text class="{style}" x="{MARGIN}" y="{y:.1f}">{html.escape(line)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width:.0f} {height:.0f}" role="img">\n'
        f"<title>{html.escape(title)}</title>\n<style>{CSS}</style>\n"
        f'<rect class="b" x="0.5" y="0.5" width="{width - 1:.0f}" height="{height - 1:.0f}" rx="8"/>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--last", type=int, default=0, help="only so many lines of the end")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    output, code = run(arguments.command, arguments.columns)
    if code:
        sys.exit(f"the command ended with {code}; no picture was made")
    lines = list(wrapped(screen(output), arguments.columns))
    if arguments.last:
        lines = lines[-arguments.last :]
    prompt = "$ " + " ".join(arguments.command)
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(svg("A terminal after " + " ".join(arguments.command), [prompt, *lines], arguments.columns))


if __name__ == "__main__":
    main()
