"""Writes the data of the demo's new task: data/train.jsonl, and data/test.jsonl with prompts that are not in it."""

import json
from pathlib import Path

import tasks

SEED = 7
TRAIN, TEST = 3000, 200


def write(path, count, want_held_out):
    """Writes the first `count` different prompts of the stream."""
    lines = {}
    for _, prompt, completion in tasks.examples(tasks.NEW, SEED, want_held_out):
        lines[prompt] = json.dumps({"prompt": prompt, "completion": completion})
        if len(lines) == count:
            break
    path.write_text("\n".join(lines.values()) + "\n")


if __name__ == "__main__":
    folder = Path(__file__).parent / "data"
    folder.mkdir(exist_ok=True)
    write(folder / "train.jsonl", TRAIN, False)
    write(folder / "test.jsonl", TEST, True)
