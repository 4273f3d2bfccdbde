"""The conversations and snippets that chat_template_fixtures.py renders."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a place, \"now\" or later; <b>°C</b> & wind's speed.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town, e.g. 'Zürich'"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "description": "How many days"},
                "hours": {"type": "array", "items": {"type": "integer"}, "nullable": True},
            },
            "required": ["place"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "a": {"type": "number", "description": "The first"},
                "b": {"type": ["number", "null"], "description": "The second"},
                "options": {
                    "type": "object",
                    "properties": {"exact": {"type": "boolean"}},
                    "additionalProperties": False,
                },
            },
            "required": ["a", "b"],
        },
        "return": {"type": "number", "description": "The sum"},
    },
}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def system(text):
    return {"role": "system", "content": text}


def call(name, arguments, id="call00001"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(text, name="get_weather", id="call00001"):
    return {"role": "tool", "name": name, "tool_call_id": id, "content": text}


ODD = " \n\tLeading blanks, 'single', \"double\", back\\slash, <|im_end|></s>[/INST] é 😀 ﷽\u00a0\u200b & < > {{ x }} {% if %}\r\nend \n "
CALLED = [
    system("You can call tools."),
    user("How warm is it in Zürich?"),
    assistant("", tool_calls=[call("get_weather", {"place": "Zürich", "days": 2, "hours": [1, 2], "unit": None})]),
    tool('{"temperature": 21.5, "ok": true}'),
]
ANSWERED = CALLED + [assistant("It is 21.5 °C.")]

PLAIN = {
    "user": [user("Hello!")],
    "system": [system("Be brief."), user("Hello!")],
    "turns": [user("One?"), assistant("1"), user("Two?"), assistant("2"), user("Three?"), assistant("3")],
    "system-turns": [system("Be brief.\n"), user("One?"), assistant("1"), user("Two?"), assistant("2")],
    "odd-text": [system(ODD), user(ODD), assistant(ODD), user("x")],
    "empty-texts": [system(""), user(""), assistant(""), user("")],
    "parts": [
        system("Be brief."),
        {"role": "user", "content": [{"type": "text", "text": "One "}, {"type": "text", "text": "two"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Three"}]},
        user("Four"),
    ],
    "all-parts": [
        {"role": role, "content": [{"type": "text", "text": "A " + role}]}
        for role in ("system", "user", "assistant", "user")
    ],
    "image": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "What is it?"}]}],
    "reasoning": [
        user("2+2?"), assistant("4", reasoning_content="Two and two.\n"),
        user("3+3?"), assistant("6", reasoning_content="\nThree and three."),
    ],
    "reasoning-then-user": [user("2+2?"), assistant("4", reasoning_content="Two and two."), user("3+3?")],
    "thinking": [user("2+2?"), assistant("4", thinking="Two and two."), user("More"), assistant("ok", reasoning="Hm.")],
    "inline-thinking": [
        user("2+2?"), assistant("<think>\nTwo and two.\n</think>\n\n4"),
        user("3+3?"), assistant("<think>Three.</think>6"),
    ],
    "two-users": [user("a"), user("b")],
    "assistant-first": [assistant("a"), user("b")],
    "assistant-twice": [user("a"), assistant("b"), assistant("c")],
    "system-later": [user("a"), system("b"), user("c")],
    "system-alone": [system("a")],
    "developer": [{"role": "developer", "content": "a"}, user("b")],
    "unknown-role": [user("a"), {"role": "narrator", "content": "b"}],
    "null-content": [user("a"), {"role": "assistant", "content": None}, user("b")],
    "no-content": [user("a"), {"role": "assistant"}],
    "no-role": [{"content": "a"}],
    "number-content": [user(3)],
    "no-messages": [],
}
TOOLS = {
    "tools": [system("You can call tools."), user("Hello!")],
    "tools-no-system": [user("Hello!"), assistant("Hello."), user("Again!")],
    "called": CALLED,
    "answered": ANSWERED,
    "answered-more": ANSWERED + [user("Thanks!"), assistant("You're welcome.")],
    "text-arguments": [
        user("a"), assistant("", tool_calls=[call("add", '{"a": 1, "b": 2.50}')]), tool("3.5", "add"), assistant("3.5"),
    ],
    "parallel": [
        user("Both!"),
        assistant(
            "I'll see.",
            tool_calls=[
                call("get_weather", {"place": "Oslo \"N\""}, "call00001"),
                call("add", {"a": 1, "b": -2.5e-7, "options": {"exact": True}}, "call00002"),
            ],
        ),
        tool("cold", "get_weather", "call00001"),
        tool("1", "add", "call00002"),
        assistant("Cold, and 1."),
    ],
    "call-with-reasoning": [
        user("a"),
        assistant("Let me see.", reasoning_content="A tool helps.", tool_calls=[call("add", {"a": 1, "b": 2})]),
        tool("3", "add"),
        assistant("3", reasoning_content="Done."),
        user("b"),
        assistant("c", reasoning_content="Hm."),
    ],
    "null-content-call": [
        user("a"), {"role": "assistant", "content": None, "tool_calls": [call("add", {"a": 1, "b": 2})]}, tool("3", "add"),
    ],
    "no-arguments": [user("a"), assistant("", tool_calls=[call("add", {})]), tool("", "add")],
    "parts-result": [
        user("a"), assistant("", tool_calls=[call("add", {"a": 1, "b": 2})]),
        {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": [{"type": "text", "text": "3"}]},
    ],
    "no-ids": [
        user("a"),
        {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "3"},
    ],
    "result-first": [tool("3", "add"), user("a")],
}


def variables(messages, prompt, **more):
    """What Transformers gives a template."""
    return {
        "messages": messages,
        "tools": None,
        "documents": None,
        "add_generation_prompt": prompt,
        "bos_token": "<s>",
        "eos_token": "</s>",
        **more,
    }


CONVERSATIONS = {}
for name, messages in PLAIN.items():
    CONVERSATIONS[name] = variables(messages, False)
    CONVERSATIONS[name + "+prompt"] = variables(messages, True)
for name, messages in TOOLS.items():
    CONVERSATIONS[name] = variables(messages, False, tools=[WEATHER, ADD])
    CONVERSATIONS[name + "+prompt"] = variables(messages, True, tools=[WEATHER, ADD])
for thinking in (True, False):
    name = f"thinking={thinking}"
    CONVERSATIONS[name] = variables(PLAIN["reasoning-then-user"], True, enable_thinking=thinking, thinking=thinking)
    CONVERSATIONS[name + "+tools"] = variables(ANSWERED, True, tools=[ADD], enable_thinking=thinking, thinking=thinking)
CONVERSATIONS["effort"] = variables(PLAIN["system"], True, reasoning_effort="high")
CONVERSATIONS["documents"] = variables(
    PLAIN["turns"], True, documents=[{"title": "A", "text": "Some text."}, {"title": "B", "text": "More."}]
)
CONVERSATIONS["server"] = {
    "messages": PLAIN["system-turns"], "bos_token": "<s>", "eos_token": "</s>", "enable_thinking": True
}
CONVERSATIONS["server+tools"] = {
    "messages": ANSWERED, "tools": [WEATHER], "bos_token": "", "eos_token": "", "add_generation_prompt": True
}
CONVERSATIONS["bare"] = {"messages": PLAIN["turns"]}
CONVERSATIONS["builtin-tools"] = variables(
    CALLED, True, tools=[ADD], builtin_tools=["wolfram_alpha", "code_interpreter"], date_string="1 Jan 2026"
)

V = {
    "s": "Hello, World", "e": "", "u": "aé😀b", "n": 5, "f": 2.5, "z": None, "t": True,
    "l": [3, 1, 2], "w": ["b", "A", "c", "a"], "d": {"b": 1, "A": 2, "items": 3}, "o": {},
    "p": [{"name": "x", "v": 2, "in": {"k": [1, 2]}}, {"name": "y", "v": 1}], "m": " a\n b \n",
}
SNIPPETS = [(source, V) for source in [
    # printing
    "{{ 1 }} {{ 1.0 }} {{ 1e20 }} {{ 1.5e-7 }} {{ 123456789012345678 }} {{ 1e16 }} {{ 0.1 }} {{ 100.0 }} {{ -0.0 }}",
    "{{ none }} {{ true }} {{ z }} {{ t }} {{ missing }} {{ [1, 'a', none, 2.0] }} {{ {'a': 1, 'b': [true]} }}",
    "{{ (1,) }} {{ (1, 2) }} {{ () }} {{ d.keys() }} {{ d.values() }} {{ o.items() }} {{ range(3) }}",
    "{{ ['it\\'s', \"a\\\"b\", 'both\\'\\\"', 'x\\ny\\t\\\\', 'é😀\\u200b'] }}",
    "{{ 0x1F }} {{ 0b101 }} {{ 0o17 }} {{ 1_000 }} {{ 'a' 'b' }} {{ \"\\x41\\u00e9\\101\\q\" }}",
    # arithmetic
    "{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % -3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** 10 }} {{ 2 ** -1 }} {{ 7.5 // 2 }}",
    "{{ 2 ** 100 }} {{ 9223372036854775807 + 1 }} {{ true + true }} {{ -n }} {{ +f }} {{ -2 ** 2 }}",
    "{{ 1 + 2 ~ 3 + 4 }}", "{{ 2 * 3 ~ 4 }}", "{{ 'ab' * 3 }}{{ [1] * 2 }}{{ 2 * 'x' }}",
    "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1 % 0 }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ [] + 1 }}", "{{ none + 'a' }}",
    "{{ 'a' + missing }}", "{{ missing + 1 }}", "{{ missing.x }}", "{{ d.x }}|{{ d.x.y }}", "{{ z.x.y }}", "{{ s.nothing.x }}",
    "{{ l[7] }}|{{ l[7].x }}", "{{ n.x }}|{{ (n.x).y }}", "{% if missing is defined %}{% endif %}{{ missing() }}", "{% set k = n %}{{ k() }}", "{{ -missing }}", "{{ -'a' }}",
    "{{ 1 < 'a' }}", "{{ none < 1 }}", "{{ [1, 2] < [1, 3] }} {{ 'a' < 'b' < 'c' }} {{ 1 < 2 > 3 }} {{ 1 == 1.0 == true }}",
    "{{ 1 in [1.0] }} {{ 'a' in d }} {{ 'A' in d }} {{ 'lo' in s }} {{ 'x' not in s }} {{ 1 in missing }}",
    "{{ 1 in 'a' }}", "{{ 1 in none }}", "{{ missing == missing2 }} {{ missing == '' }} {{ missing is defined }}",
    "{{ not 0 }} {{ not [] }} {{ not 'a' }} {{ none or 'x' }} {{ 0 and 1 }} {{ 1 and 'y' }} {{ '' or 0 or [] }}",
    "{{ 'a' if t }}|{{ 'a' if not t }}|{{ 'a' if e else 'b' if n else 'c' }}", "{{ ('a' if not t).x }}",
    # texts
    "{{ u|length }} {{ u[2] }} {{ u[1:3] }} {{ u[::-1] }} {{ u[-1] }} {{ s[:5] }} {{ s[-5:] }} {{ s[::2] }} {{ s[9:2:-3] }}",
    "{{ s.upper() }} {{ s.lower() }} {{ s.title() }} {{ 'hELLO wORLD'.capitalize() }} {{ s.swapcase() }} {{ \"it's a x-ray\".title() }}",
    "[{{ m.strip() }}] [{{ m.lstrip() }}] [{{ m.rstrip() }}] [{{ 'xxaxx'.strip('x') }}] [{{ 'abc'.rstrip('bc') }}] [{{ 'abc'.lstrip('ba') }}]",
    "{{ s.split() }} {{ s.split(',') }} {{ 'a,b,c'.split(',', 1) }} {{ ' a  b '.split() }} {{ ' a  b '.split(' ') }} {{ 'a b c'.split(none, 1) }}",
    "{{ 'a,b,c'.rsplit(',', 1) }} {{ 'a b  c'.rsplit(none, 1) }} {{ ''.split() }} {{ ''.split(',') }} {{ 'a\\nb\\r\\nc\\n'.splitlines() }}",
    "{{ s.split('</think>')[-1].lstrip('\\n') }} {{ 'a</t>b'.split('</t>')[0].split('<t>')[-1] }}",
    "{{ s.startswith('He') }} {{ s.endswith(('x', 'ld')) }} {{ s.find('o') }} {{ s.rfind('o') }} {{ s.find('q') }} {{ s.count('l') }}",
    "{{ s.replace('l', 'L') }} {{ s.replace('l', 'L', 1) }} {{ 'ab'.replace('', '-') }} {{ s.index('W') }} {{ 'ab'.join(['1', '2']) }}",
    "{{ s.index('q') }}", "{{ ','.join([1]) }}", "{{ s.split('') }}", "{{ 'a-b-c'.partition('-') }} {{ 'a-b-c'.rpartition('-') }}",
    "{{ '7'.zfill(3) }} {{ '-7'.zfill(4) }} {{ 'a'.ljust(3, '.') }}{{ 'a'.rjust(3) }}{{ 'ab'.center(5, '*') }}{{ 'a'.center(4, '*') }}",
    "{{ 'abc'.removeprefix('a') }} {{ 'abc'.removesuffix('bc') }} {{ '12'.isdigit() }} {{ 'ab'.isalpha() }} {{ ''.isspace() }} {{ 'a1'.isalnum() }} {{ 'aB'.islower() }} {{ 'AB1'.isupper() }}",
    "{{ '{} {}'.format(1, 'a') }} {{ '{1}{0}'.format('a', 'b') }} {{ '{x:>5}|{y:.2f}|{z:05d}'.format(x='a', y=2.345, z=42) }} {{ '{{}}'.format() }} {{ '{:,}'.format(1234567) }}",
    "{{ '%s is %d, %.2f, %5s|%-5s|%05d, %x%%' % ('a', 3, 2.5, 'b', 'c', 42, 255) }} {{ '%s' % 'x' }} {{ '%s' % [1] }}",
    "{{ '%s %s' % 'a' }}", "{{ '%d' % 'a' }}", "{{ 'a' % 1 }}", "{{ '{}'.format() }}",
    # filters
    "{{ missing|default('x') }} {{ e|default('x') }} {{ e|default('x', true) }} {{ z|default('x', boolean=true) }} {{ z|d('x') }}",
    "{{ s|length }} {{ l|count }} {{ d|length }} {{ missing|length }} {{ o|length }}", "{{ z|length }}", "{{ n|length }}",
    "{{ l|join(', ') }} {{ p|join('-', attribute='name') }} {{ s|join('.') }} {{ missing|join }} {{ l|sort }} {{ l|sort(reverse=true) }} {{ w|sort }} {{ w|sort(case_sensitive=true) }}",
    "{{ p|sort(attribute='v')|map(attribute='name')|join }} {{ p|map(attribute='in.k')|list }} {{ p|map(attribute='q', default='?')|list }} {{ w|map('upper')|list }}",
    "{{ [1, 'a']|sort }}", "{{ p|sort }}", "{{ w|unique|list }} {{ [1, 1.0, 2, 'a', 'A']|unique|list }} {{ l|min }} {{ l|max }} {{ w|min }} {{ []|max }}|{{ l|sum }} {{ p|sum(attribute='v') }}",
    "{{ l|select('odd')|list }} {{ l|reject('gt', 1)|list }} {{ p|selectattr('v', 'equalto', 1)|list }} {{ p|rejectattr('in')|list }} {{ p|selectattr('in', 'defined')|map(attribute='name')|list }} {{ [0, 1, '']|select|list }}",
    "{{ l|first }} {{ l|last }} {{ []|first }} {{ 'abc'|first }} {{ 'abc'|last }} {{ 'abc'|reverse }} {{ l|reverse|list }} {{ 'abc'|list }} {{ d|list }}",
    "{{ d|dictsort }} {{ d|dictsort(true) }} {{ d|dictsort(by='value', reverse=true) }} {{ d|items|list }} {{ d.items()|list }} {{ missing|items|list }}",
    "{{ z|items|list }}", "{{ s|dictsort }}", "{{ d|dictsort(by='x') }}",
    "{{ '  a '|trim }}|{{ 'xax'|trim('x') }}|{{ n|trim }}|{{ none|trim }}|{{ missing|trim }}|{{ 'foo bar-baz (qux)'|title }}|{{ 'ABC def'|capitalize }}|{{ n|string + '1' }}",
    "{{ 'a\\nb\\n\\nc'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(2, blank=true) }}|{{ 'a\\nb'|indent('>>') }}|{{ 'a\\n'|indent(2) }}|{{ ''|indent(2, first=true) }}",
    "{{ '12'|int + 1 }} {{ '1.9'|int }} {{ 'x'|int }} {{ 'x'|int(7) }} {{ 2.9|int }} {{ true|int }} {{ none|int }} {{ '1.5'|float }} {{ 'x'|float }} {{ '1_0'|int }} {{ ' 5 '|int }}",
    "{{ missing|int }}", "{{ 2.5|round }} {{ 3.5|round }} {{ 2.567|round(2) }} {{ 2.1|round(method='ceil') }} {{ 5|round }} {{ -3|abs }} {{ -2.5|abs }} {{ 2.675|round(2) }}",
    "{{ s|replace('o', '0') }} {{ s|replace('l', 'L', 2) }} {{ 'a b c'|wordcount }} {{ '%s-%s'|format(1, 2) }} {{ 'ab'|center(6) }}|",
    "{{ '<a> & \"b\"'|e }} {{ '<a>'|safe }} {{ '<b>' ~ ('<a>'|safe) }} {{ '<b>' + ('<a>'|safe) }} {{ ('<a>'|safe) + \"'x\\\"\" }} {{ ('<a>'|e)|e }}",
    "{{ d|tojson }} {{ u|tojson }} {{ p|tojson(indent=2) }} {{ [1, 2.0, none, true, 'a\"\\\\\\n\\t/']|tojson }} {{ []|tojson(indent=2) }} {{ {}|tojson }} {{ {'a': []}|tojson(indent=1) }}",
    "{{ p|tojson(separators=(',', ':')) }} {{ d|tojson(sort_keys=true) }} {{ u|tojson(ensure_ascii=true) }} {{ {1: 2, none: 3}|tojson }} {{ (1, 2)|tojson }} {{ '\\x01\\x7f\\u2028'|tojson }}",
    # filters of pages and layouts
    "{% for k, g in p|groupby('v') %}{{ k }}:{{ g|map(attribute='name')|join(',') }};{% endfor %}{% for g in [{'c': 'b'}, {'c': 'A'}, {'c': 'B'}, {}]|groupby('c', default='a') %}{{ g.grouper }}={{ g.list }};{{ g }}{% endfor %}",
    "{{ [{'c': 'b'}, {'c': 'A'}, {'c': 'B'}]|groupby('c', case_sensitive=true) }} {{ [[2, 'x'], [1, 'y'], [2, 'z']]|groupby(0) }}", "{{ p|groupby('q.z') }}", "{{ l|groupby }}".replace("|groupby", "|groupby('x')|length"),
    "{{ range(7)|batch(3)|list }} {{ range(7)|batch(3, '-')|list }} {{ []|batch(2)|list }} {{ [1, 2]|batch(0)|list }} {{ 'abcd'|batch(3)|list }} {{ [1, 2]|batch(-1)|list }}",
    "{{ range(7)|slice(3)|list }} {{ range(7)|slice(3, '-')|list }} {{ range(6)|slice(3, '-')|list }} {{ []|slice(2)|list }} {{ [1]|slice(3)|list }} {{ [1]|slice(-1)|list }}", "{{ [1]|slice(0)|list }}",
    "{{ 'foo bar baz qux'|truncate(9) }}|{{ 'foo bar baz qux'|truncate(9, true) }}|{{ 'foo bar baz qux'|truncate(11) }}|{{ 'foo bar baz qux'|truncate(11, false, '...', 0) }}|{{ 'foobarbazquxfoo'|truncate(5, leeway=0) }}|{{ 'é😀é😀é😀é😀é😀'|truncate(5, true, '…', 0) }}|{{ missing|truncate(5) }}|{{ 'a b'|truncate }}",
    "{{ 'abc'|truncate(-5) }}", "{{ 'abc'|truncate(5, leeway=-1) }}", "{{ n|truncate }}",
    "{{ 'a/b c?d=é&e~f-g_h.i😀+'|urlencode }} {{ {'a b': 'c/d', 'é': 1, 'n': none}|urlencode }} {{ [('a', 1), ['b', 'x y']]|urlencode }} {{ 5|urlencode }} {{ none|urlencode }} {{ missing|urlencode }}", "{{ [1]|urlencode }}", "{{ ['abc']|urlencode }}", "{{ ['a']|urlencode }}",
    "{{ '<p>a <b>b</b>\n\n<!-- <i> --> c &amp; &lt;d&gt; &raquo; &notit; &#65;&#x42; &#128; &#0; &#xD800; &#1; &nbsp;| &copy 5 &zzz; < e'|striptags }} {{ 5|striptags }} {{ ('<a>x</a>'|e)|striptags }} {{ '&#65533;&CounterClockwiseContourIntegral;&amp;amp;'|striptags }}",
    "{{ 'The quick brown fox jumps over the lazy dog.'|wordwrap(10) }}|{{ 'aaaaaaaaaaaaaaaaaaaa bb'|wordwrap(8) }}|{{ 'aaaaaaaaaaaaaaaaaaaa bb'|wordwrap(8, false) }}|{{ 'a-hyphenated-word and one--dash -- x'|wordwrap(9) }}|{{ 'a-hyphenated-word'|wordwrap(9, break_on_hyphens=false) }}",
    "{{ 'one two\nthree  four   five\n\nsix'|wordwrap(9, wrapstring='<br>') }}|{{ '  leading and trailing  '|wordwrap(8) }}|{{ ''|wordwrap(5) }}|{{ 'é😀 é😀é😀é😀 x'|wordwrap(4) }}|{{ 'word'|wordwrap }}|{{ ('abc def ' * 30)|wordwrap }}|{{ 'well-known e-mail a-b co-op 1-2-3 x-y-z'|wordwrap(5) }}|{{ 'abcde fghijkl'|wordwrap(6) }}|", "{{ 'a b'|wordwrap(0) }}",
    "{{ 1|filesizeformat }} {{ 0|filesizeformat }} {{ 999|filesizeformat }} {{ 1000|filesizeformat }} {{ 1000000|filesizeformat }} {{ 1e12|filesizeformat }} {{ 1024|filesizeformat(true) }} {{ 1e30|filesizeformat }} {{ '123456'|filesizeformat }} {{ 1.5|filesizeformat }} {{ 123456789|filesizeformat(binary=true) }} {{ -5|filesizeformat }} {{ 1250|filesizeformat }}",
    "{{ {'b': [1, 2], 'a': 'x', 'c': none}|pprint }} {{ 'short'|pprint }} {{ range(40)|list|pprint }} {{ ({'key': 'word ' * 30}|pprint) }}",
    "{{ ('word and more\nlines of text ' * 8)|pprint }} {{ [('a' * 50, 'b' * 50)]|pprint }} {{ {'x': {'y': range(30)|list, 'z': ['q' * 90]}}|pprint }} {{ (1,)|pprint }} {{ missing|pprint }} {{ [('a' * 79,), ['b ' * 60]]|pprint }} {{ {'k' * 30: ['c ' * 60, 1], 'j': {}}|pprint }}",
    "{{ 'see https://example.com/a?b=c&d=1, www.example.org. (http://x.com/(y)) mail me@example.com or mailto:a.b@c.de! example.net <https://q.io> @a@b.c plain.txt http://1.2.3.4:80/x'|urlize }}",
    "{{ 'https://example.com/very/long/path'|urlize(15) }} {{ 'www.a.com'|urlize(nofollow=true, target='_blank') }} {{ 'www.a.com'|urlize(rel='z a') }} {{ 'tel:123 ftp://x'|urlize(extra_schemes=['tel:', 'ftp://']) }} {{ 5|urlize }} {{ 'a\n b  http://é.com'|urlize }}", "{{ 'x'|urlize(extra_schemes=['x']) }}",
    "<a{{ {'b': 'c\"<', 'd': none, 'e': missing, 'f-g': 5}|xmlattr }}>|{{ {'a': 1, 'b': 2}|xmlattr(false) }}|{{ {}|xmlattr }}|", "{{ {'a b': 1}|xmlattr }}", "{{ {'a>': 1}|xmlattr }}", "{{ 5|xmlattr }}",
    "{{ 'upper' is filter }} {{ 'x' is filter }} {{ 'odd' is test }} {{ 5 is test }}",
    "{{ l|map('nothing')|list }}", "{{ l|select('nothing')|list }}", "{{ p|selectattr('v', 'nothing')|list }}",
    "{{ 0x_1f }} {{ 0b1_0 }} {{ 1_0.5_0e+1_0 }} {{ 1e5 }} {{ 00 }} {{ l.0 }} {{ 0_0 }}", "{{ 1__0 }}", "{{ 1.e5 }}", "{{ 012 }}",
    "{% set a = [1] %}{% set _ = a.append(a) %}{% set b = [1] %}{% set _ = b.append(b) %}{{ a == a }}{{ a == b }}", "{{ {(1, [2]): 3} }}", "{{ [1] in d }}", "{{ {}[[1]] }}", "{{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992.0 }}",
    "{{ missing|tojson }}", "{{ l|map('string')|tojson }}", "{{ d.items()|tojson }}", "{{ namespace()|tojson }}", "{{ s|nothing }}", "{{ s is nothing }}",
    "{{ '{\"a\": [1, 2.5, true, null, \"x\\\\u00e9\"]}'|from_json }}",
    # tests
    "{{ n is number }} {{ t is number }} {{ t is integer }} {{ f is float }} {{ n is integer }} {{ s is string }} {{ l is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is sequence }} {{ d is mapping }} {{ l is iterable }} {{ n is iterable }}",
    "{{ z is none }} {{ missing is none }} {{ t is true }} {{ 1 is true }} {{ t is boolean }} {{ false is false }} {{ 3 is odd }} {{ 4 is even }} {{ 9 is divisibleby 3 }} {{ 'a' is in 'abc' }} {{ 1 is eq 1 }} {{ 1 is sameas 1 }} {{ 2 is gt 1 }} {{ missing is iterable }} {{ missing is sequence }}",
    "{{ 'AB' is upper }} {{ 'ab' is lower }} {{ l is not string }} {{ not l is string }} {{ raise_exception is callable }} {{ s is not defined }} {{ 5 is not none and t }} {{ (s|safe) is escaped }}",
    # collections
    "{{ d.items }} x".replace("{{ d.items }}", "{{ d['items'] }} {{ d.A }} {{ d['A'] }} {{ d.get('q') }} {{ d.get('q', 1) }} {{ d.get('b') }}"),
    "{{ l[0] }} {{ l[-1] }} {{ l[1:] }} {{ l[:-1] }} {{ l[::-1] }} {{ (1, 2, 3)[1:] }} {{ range(5)[1] }} {{ l.0 }} {{ p[0].name }} {{ p[0]['name'] }} {{ p.1.v }}",
    "{{ z[0] }}|{{ z['a'] }}|{{ n[0] }}", "{{ z[1:] }}", "{{ n[1:] }}", "{{ l[1:'a'] }}", "{{ l[::0] }}", "{{ l['a'] }}|", "{{ d[1] }}|{{ d[1].x }}",
    "{{ range(2, 10, 3)|list }} {{ range(5, 0, -2)|list }} {{ range(0)|list }} {{ dict(a=1, b=2) }} {{ dict({'x': 1}, y=2) }}", "{{ range(1000000) }}", "{{ range(1, 2, 0) }}",
    # statements
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set (c, d) = [3, 4] %}{{ c }}{{ d }}", "{% set a, b = [1] %}", "{% set a, b = [1, 2, 3] %}", "{% set a, b = 1 %}",
    "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ x }};{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }} {{ loop.previtem is defined }};{% endfor %}", "{% for x in l %}{{ loop.previtem.a }}{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}{{ x }}{% else %}none{% endfor %}{% for x in [] %}x{% else %}none{% endfor %}{% for x in missing %}x{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}{% for c in 'aé😀' %}[{{ c }}]{% endfor %}",
    "{% for x in z %}{% endfor %}", "{% for x in n %}{% endfor %}", "{% for a, b in l %}{% endfor %}", "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "{% for x in [1, 2, 3, 4] %}{% if x == 2 %}{% continue %}{% endif %}{% if x == 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}", "{% set ns = namespace(a=1) %}{% for i in l %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }} {{ ns.b is defined }}", "{% set ns = namespace() %}{{ ns.q.r }}", "{% set s.a = 1 %}",
    "{% if t %}{% set y = 1 %}{% endif %}{{ y }}", "{% for i in l %}{% for j in l %}{{ loop.index }}{{ loop.last }}{% endfor %}{{ loop.index }} {% endfor %}",
    "{% for x in [1, [2, [3]]] recursive %}{% if x is iterable %}({{ loop(x) }}){{ loop.depth }}{% else %}{{ x }}{% endif %}{% endfor %}",
    "{% for x in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(x > 1) }} {% endfor %}",
    "{% macro f(a, b=2, c=a) %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ f(1) }}{{ f(1, c=5) }}{{ f(b=1, a=0) }}{{ f() }}{{ f(1)|length }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(q=2) }}", "{% macro f(a) %}{{ a.b }}{% endmacro %}{{ f() }}",
    "{% macro f(x) %}{% if x > 0 %}{{ x }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(4) }}", "{% set g = 1 %}{% macro f() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ f() }}",
    "{% macro f() %}<{{ caller(1) }}>{% endmacro %}{% call(x) f() %}{{ x }}{{ n }}{% endcall %}", "{% macro f() %}<{{ caller() }}>{% endmacro %}{% call f() %}in{% endcall %}",
    "{% set x %}  a{{ n }}b  {% endset %}[{{ x }}]{% set y | trim | upper %}  q  {% endset %}[{{ y }}]", "{% filter upper %}abc{{ s }}{% endfilter %}{% filter replace('a', 'b') | upper %}aa{% endfilter %}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a }}", "{% raw %}{{ x }}{% if %}{% endraw %}", "{%- raw -%}  {{ x }}  {%- endraw -%}  x", "{% generation %}a{{ n }}{% set q = 1 %}{% endgeneration %}{{ q }}",
    "{{ f(*[1, 2], **{'c': 3}) }}".join(["{% macro f(a, b, c) %}{{ a }}{{ b }}{{ c }}{% endmacro %}", ""]), "{{ raise_exception('No, \"' ~ s ~ '\"') }}", "{{ strftime_now('%Y-%m-%d %d %b %Y %B %A %H:%M:%S %j %p %y %-d %e %I') }}",
    # blanks
    "a\n  {% if t %}\n  b\n  {% endif %}\nc\n", "a\n  {%+ if t %}\n  b\n  {%- endif +%}\nc", "a  {% if t %} b {% endif %} c", "  {% if t %}x{% endif %}", "a\n\n  {{- n -}}  \n\nb", "a {#- x -#} b", "a\n  {# x #}\nb\n  {# y #} c", "{% if t -%}\n\n  x\n\n{%- endif %}\n\ny\n\n", "a\r\nb\rc\n", "x\n", "x\n\n", "{{ n }}\n", "{% if t %}\n\nx{% endif %}\n\n",
    "{{-n-}}  {{ {'a': {'b': 1}}.a.b }} {{ '}}' }} {{ \"{% x %}\" }} {% set x = '%}' %}{{ x }}", "{{ -1 }}{{- 1 }} {{+ 2 }}", "{ {x} {", "a{%- set q = 1 -%}\n b", "\t {% set q = 1 %}\t\nx", "{% set x = {'a':1,} %}{{ x }}{{ [1,] }}", "{{ [] is iterable and {} is mapping }}",
    # mistakes
    "{% if %}", "{% if t %}", "{% endif %}", "{{ }}", "{{ 1 + }}", "{% for x %}{% endfor %}", "{{ 'a }}", "{# a", "{% raw %}x", "{{ (1 }}", "{% nothing %}", "{% macro f(a=1, b) %}{% endmacro %}", "{{ a b }}", "{{ ) }}", "{% set 1 = 2 %}", "{% if t %}{% endfor %}", "{{ f(a=1, 2) }}", "{{ s is string is string }}", "{% do 1 %}", "{{ a.'b' }}", "{{ $ }}",
]]
