#!/usr/bin/env python3
"""Runs a command in a terminal of its own and draws the last screen that it leaves as an SVG.

    docs/images/terminal.py [--columns 100] [--last LINES] [--at TEXT] OUTPUT.svg COMMAND [ARGUMENT ...]

The picture is the real output: nothing is added but the line with the command. With --at it is what stood there
when the text was shown first. Only carriage returns, line breaks, ways up and the codes that clear the rest are
understood. Needs Python's standard library.
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
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # as a shell's terminal has it
    )
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
    """Returns the lines that stay on the screen. None is longer than the terminal is wide where lines are gone up."""
    lines, row, at = [[]], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\s\S]", output):
        if token == "\n":
            row, at = row + 1, 0
            if row == len(lines):
                lines.append([])
        elif token == "\r":
            at = 0
        elif token in ("\x1b[K", "\x1b[0K", "\x1b[J", "\x1b[0J"):
            lines[row] = lines[row][:at]
            if token.endswith("J"):
                del lines[row + 1 :]
        elif re.fullmatch(r"\x1b\[[0-9]*A", token):
            row = max(0, row - int(token[2:-1] or 1))
        elif token[0] == "\x1b":
            continue
        else:
            lines[row][at : at + 1] = [token]
            at += 1
    texts = ["".join(line).rstrip() for line in lines]
    return texts if texts[-1] else texts[:-1]


def until(output, text):
    """Returns the output up to the end of what was written together with a text."""
    place = output.find(text)
    if place < 0:
        sys.exit(f"the command never wrote {text!r}; no picture was made")
    end = output.find("\r\x1b", place)  # the next block takes its place
    return output if end < 0 else output[:end]


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
    parser.add_argument("--at", help="the screen as it was when this text was shown")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    output, code = run(arguments.command, arguments.columns)
    if code:
        sys.exit(f"the command ended with {code}; no picture was made")
    if arguments.at:
        output = until(output, arguments.at)
    lines = list(wrapped(screen(output), arguments.columns))
    if arguments.last:
        lines = lines[-arguments.last :]
    prompt = "$ " + " ".join(arguments.command)
    with open(arguments.output, "w", encoding="utf-8") as file:
        file.write(svg(("A terminal during " if arguments.at else "A terminal after ") + " ".join(arguments.command), [prompt, *lines], arguments.columns))


if __name__ == "__main__":
    main()
