#!/usr/bin/env python3
"""Writes what Python's jinja2 makes of chat templates: what Lorikeet's interpreter must match.

    python3 chat_template_fixtures.py FOLDER chat-templates.json.gz

FOLDER holds *.jinja: models/templates of llama.cpp. Needs jinja2 (python3-jinja2 of Debian; the
fixtures in the repository are jinja2 3.1.6's). The settings and helpers are those of Hugging Face's
Transformers (utils/chat_template_utils.py), but that

- the clock stands still;
- `from_json` is there, as in llama.cpp's server;
- a template that Jinja's immutable sandbox refuses, because it changes a list, is rendered in the
  sandbox that lets it, again as the server would.
"""

import datetime
import glob
import gzip
import json
import os
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

from chat_template_cases import CONVERSATIONS, SNIPPETS

NOW = datetime.datetime(2026, 3, 7, 15, 4, 5)


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("written"), [], [], body).set_lineno(line)

    def written(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(
        x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def environment(kind):
    result = kind(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    result.filters["tojson"] = tojson
    result.filters["from_json"] = json.loads
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = NOW.strftime
    return result


IMMUTABLE = environment(jinja2.sandbox.ImmutableSandboxedEnvironment)
MUTABLE = environment(jinja2.sandbox.SandboxedEnvironment)


def render(source, variables):
    """The rendering, or the error."""
    copy = json.loads(json.dumps(variables))
    try:
        return {"text": IMMUTABLE.from_string(source).render(**copy)}
    except jinja2.exceptions.SecurityError:
        copy = json.loads(json.dumps(variables))
        try:
            return {"text": MUTABLE.from_string(source).render(**copy)}
        except Exception as e:
            return {"error": str(e)}
    except jinja2.exceptions.TemplateAssertionError as e:
        return {"error": str(e)}
    except jinja2.exceptions.TemplateSyntaxError:
        return {"error": "syntax"}
    except Exception as e:
        return {"error": str(e)}


def main(folder, target):
    templates = {
        os.path.basename(path).removesuffix(".jinja"): open(path, encoding="utf-8").read()
        for path in sorted(glob.glob(os.path.join(folder, "*.jinja")))
    }
    renderings = {
        template: {name: render(source, given) for name, given in CONVERSATIONS.items()}
        for template, source in templates.items()
    }
    snippets = [
        {"source": source, "variables": given, **render(source, given)}
        for source, given in SNIPPETS
    ]
    fixtures = {
        "conversations": CONVERSATIONS,
        "templates": templates,
        "renderings": renderings,
        "snippets": snippets,
    }
    text = json.dumps(fixtures, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    with open(target, "wb") as file:
        with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
            packed.write(text)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
