"""The short tasks that the demo's base model knows, and the new one that the demo teaches it.

Every example is one line of bytes, for instance `reverse kdax =` with the completion ` xadk`.
"""

import random
import string
import zlib

LETTERS = string.ascii_lowercase


def letters_task(answer):
    """A task whose operand is a word of two to six different letters."""

    def make(rng):
        word = "".join(rng.sample(LETTERS, rng.randint(2, 6)))
        return word, answer(word)

    return make


KNOWN = {
    "copy": letters_task(lambda w: w),
    "reverse": letters_task(lambda w: w[::-1]),
    "sort": letters_task(lambda w: "".join(sorted(w))),
    "upper": letters_task(str.upper),
    "first": letters_task(lambda w: w[0]),
    "last": letters_task(lambda w: w[-1]),
    "smallest": letters_task(min),
    "largest": letters_task(max),
    "length": letters_task(lambda w: str(len(w))),
}

NEW = {
    "descend": letters_task(lambda w: "".join(sorted(w, reverse=True))),
}


def held_out(prompt):
    """One prompt in eight is never trained on; which ones depends on the prompt alone."""
    return zlib.crc32(prompt.encode()) % 8 == 0


def examples(tasks, seed, want_held_out):
    """An endless stream of (task, prompt, completion)."""
    rng = random.Random(seed)
    names = list(tasks)
    while True:
        name = rng.choice(names)
        operand, answer = tasks[name](rng)
        prompt = f"{name} {operand} ="
        if held_out(prompt) == want_held_out:
            yield name, prompt, " " + answer
