package io.lorikeet.models.text.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.lorikeet.quant.InvalidInputException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// A template is somebody else's program: whatever it says, it ends, and reaches nothing.
@Tag("slow")
final class ChatTemplateSafetyTest {
  private static final Duration LONG = Duration.ofSeconds(60);

  /// Mutations of real templates render, or are refused with a line, in bounded time.
  @Test
  void mutationsAreRenderedOrRefused() {
    long seed = new Random().nextLong();
    Random random = new Random(seed);
    Fixtures fixtures = Fixtures.read();
    List<String> sources = new ArrayList<>(fixtures.templates().values());
    fixtures.snippets().forEach(snippet -> sources.add(snippet.source()));
    Map<String, Object> variables =
        fixtures.renderings("Qwen-Qwen3-0.6B").get("called").variables();
    assertTimeoutPreemptively(
        LONG,
        () -> {
          for (int i = 0; i < 3000; i++) {
            String source = mutated(sources.get(random.nextInt(sources.size())), sources, random);
            try {
              ChatTemplate.of("template", source).render(variables, Fixtures.NOW);
            } catch (TemplateException e) {
              assertTrue(e.line() >= 1, "seed " + seed);
            } catch (RuntimeException | StackOverflowError e) {
              throw new AssertionError("seed " + seed + ":\n" + source, e);
            }
          }
        });
  }

  private static String mutated(String source, List<String> others, Random random) {
    StringBuilder text = new StringBuilder(source);
    for (int i = random.nextInt(4); i >= 0 && !text.isEmpty(); i--) {
      int from = random.nextInt(text.length());
      int to = Math.min(text.length(), from + random.nextInt(20));
      switch (random.nextInt(4)) {
        case 0 -> text.delete(from, to);
        case 1 -> text.insert(from, text.substring(from, to));
        case 2 -> text.setCharAt(from, "{}%#-|()[]'\".,~=+*0az \n".charAt(random.nextInt(23)));
        default -> {
          String other = others.get(random.nextInt(others.size()));
          int start = random.nextInt(other.length() + 1);
          int end = Math.min(other.length(), start + random.nextInt(60));
          text.insert(from, other.substring(start, end));
        }
      }
    }
    return text.toString();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(x='aaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x"
            + " %}{% endfor %}",
        "{{ 'a' * 9999999999 }}",
        "{{ [1] * 2000000000 }}",
        "{{ 'abc' | center(2000000000) }}",
        "{{ 'a\nb' | indent(2000000000) }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ 9 ** 999999 }}",
        "{{ 2 ** 99999 * 2 ** 99999 * 2 ** 99999 }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f() %}{% for i in range(9) %}{{ f() }}{% endfor %}{% endmacro %}{{ f() }}",
        "{% set x = [1] %}{% for i in range(999) %}{% set _ = x.append(x) %}{% endfor %}{{ x }}",
        "{% set x = [1] %}{% for i in range(99999) %}{% set _ = x.extend(x) %}{% endfor %}",
        "{% for i in range(99999) %}{{ 'x' * 99999 }}{% endfor %}",
        "{{ 'x' | replace('', 'y' * 99999) * 99999 }}",
        "{% set d = {} %}{% set _ = d.update({'d': d}) %}{{ d | tojson }}",
        "{% set a = [] %}{% set _ = a.append(a) %}{% set b = [] %}{% set _ = b.append(b) %}"
            + "{{ a == b }}",
        "{% set a = [] %}{% set _ = a.append(a) %}{% set b = [] %}{% set _ = b.append(b) %}"
            + "{{ [[1, a], [1, b]] | sort }}",
        "{% set a = {} %}{% set _ = a.update({1: a}) %}{% set b = {} %}{% set _ = b.update({1: b})"
            + " %}{{ [a].index(b) }}",
        "{% set a = [] %}{% set _ = a.append(a) %}{% for i in 'xy' %}{{ loop.changed([a], [i]) }}"
            + "{% set _ = a.append([[a]]) %}{% endfor %}{{ a | pprint }}",
        "{% set n = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}"
            + "{% set n.b = [n.b, n.b] %}{% endfor %}{{ n.a == n.b }}",
        "{% set n = namespace(a=(1,)) %}{% for i in range(60) %}{% set n.a = (n.a, n.a) %}"
            + "{% endfor %}{{ {n.a: 1} }}",
        "{% set n = namespace(a=(1,)) %}{% for i in range(99999) %}{% set n.a = (n.a,) %}"
            + "{% endfor %}{{ {n.a: 1} }}",
        "{% for i in range(99999) %}{% for j in range(999) %}{% set x = 9 ** 4000 // 7 %}"
            + "{% endfor %}{% endfor %}",
        "{{ ('a,' * 3000000).split(',') | length }}",
        "{{ [1] | slice(9999999) | list }}",
        "{{ [1] | batch(9999999, 'x') | list }}"
      })
  void whatWouldNotEndIsStopped(String source) {
    assertTimeoutPreemptively(
        LONG,
        () -> {
          ChatTemplate template = ChatTemplate.of("template", source);
          assertThrows(TemplateException.class, () -> template.render(Map.of(), Fixtures.NOW));
        });
  }

  /// Texts that begin like each other everywhere are found in time.
  @Test
  void searchesEndInTime() {
    String source =
        "{% set a = 'a' * 400000 %}{% set b = 'a' * 199999 ~ 'b' %}{{ b in a }}"
            + "{{ a.find(b) }}{{ a.rfind('b' ~ b) }}{{ (a ~ b).find(b) }}{{ (b ~ a).rfind(b) }}"
            + "{{ a.split(b) | length }}";
    assertTimeoutPreemptively(
        LONG,
        () ->
            assertEquals(
                "False-1-14000000" + "1",
                ChatTemplate.of("template", source).render(Map.of(), Fixtures.NOW).text()));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{{ [1] | map(none) | list }}",
        "{{ [1] | select(none) | list }}",
        "{{ 1 | round(method=none) }}",
        "{{ 1 | attr(none) }}",
        "{{ {} | dictsort(by=none) }}",
        "{{ strftime_now(none) }}",
        "{{ [1] | tojson(separators=[none, 1]) }}",
        "{{ dict(**{none: 1}) }}",
        "{{ namespace({none: 1}) }}",
        "{{ 'a'.split(1) }}",
        "{{ 'a'.startswith(none) }}"
      })
  void whatMustBeATextIsRefused(String source) {
    TemplateException refused =
        assertThrows(
            TemplateException.class,
            () -> ChatTemplate.of("t", source).render(Map.of(), Fixtures.NOW));
    assertTrue(refused.reason().startsWith("must be str, not "), refused.reason());
  }

  @Test
  void numbersOfManyDigitsAreRefused() {
    for (String number :
        List.of(
            "9".repeat(200_000), "1_".repeat(99_999) + "1", "0x" + "1f_".repeat(99_999) + "1")) {
      TemplateException refused =
          assertThrows(
              TemplateException.class, () -> ChatTemplate.of("t", "\n{{ " + number + " }}"));
      assertEquals("t, line 2: a number of more than 4300 digits", refused.getMessage());
    }
    ChatTemplate.of("t", "{{ " + "9".repeat(4300) + " }}");
  }

  @Test
  void aSmallStackIsEnough() throws InterruptedException {
    String deep = "{% macro f(x) %}{{ [[f(x)]] }}{% endmacro %}{{ f(1) }}";
    List<Throwable> thrown = new ArrayList<>();
    Runnable render = () -> ChatTemplate.of("t", deep).render(Map.of(), Fixtures.NOW);
    Thread thread = new Thread(null, render, "small", 256 << 10);
    thread.setUncaughtExceptionHandler((_, e) -> thrown.add(e));
    thread.start();
    thread.join();
    assertTrue(((TemplateException) thrown.getFirst()).isExhausted());
  }

  @Test
  void tooLongATemplateIsRefused() {
    assertThrows(
        InvalidInputException.class, () -> ChatTemplate.of("t", "x".repeat((1 << 20) + 1)));
  }

  @Test
  void aByteOrderMarkIsNoPartOfATemplate() {
    ChatTemplate template = ChatTemplate.of("t", "\ufeff{% if true %}\nx{% endif %}");
    assertEquals("x", template.render(Map.of(), Fixtures.NOW).text());
    assertEquals("{% if true %}\nx{% endif %}", template.source());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% include 'a' %}",
        "{% import 'a' as b %}",
        "{% extends 'a' %}",
        "{{ messages.getClass().forName('java.lang.Runtime') }}",
        "{{ ''.class.forName }}{{ ''.class.x.y }}",
        "{{ x.__class__.__mro__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ range.__globals__.os }}",
        "{{ self.x.y }}",
        "{{ open('/etc/passwd') }}"
      })
  void nothingElseIsWithinReach(String source) {
    assertThrows(
        TemplateException.class,
        () ->
            ChatTemplate.of("template", source)
                .render(Map.of("messages", List.of()), Fixtures.NOW));
  }

  @Test
  void deepNestingIsRefused() {
    for (String part :
        List.of("(", "[", "{% if x %}", "not ", "-", "x[", "{{ f(", "1 + ", "x.a|")) {
      String source = part.startsWith("{") ? part.repeat(5000) : "{{ " + part.repeat(5000);
      assertThrows(TemplateException.class, () -> ChatTemplate.of("template", source), part);
    }
  }

  @Test
  void errorsNameTheLine() {
    ChatTemplate template =
        ChatTemplate.of("the chat template of base.gguf", "a\n{% set x = 1 %}\n\n{{ y.z }}\n");
    TemplateException missing =
        assertThrows(TemplateException.class, () -> template.render(Map.of(), Fixtures.NOW));
    assertEquals("the chat template of base.gguf, line 4: 'y' is undefined", missing.getMessage());
    TemplateException syntax =
        assertThrows(TemplateException.class, () -> ChatTemplate.of("t", "a\n\n{% if %}"));
    assertEquals(3, syntax.line());
  }

  /// Of each character it is known who brought it, through all that is done with it.
  @Test
  void originsOfCharacters() {
    Map<String, Object> variables =
        Map.of(
            "messages",
            List.of(
                Map.of("role", "user", "content", "  Ab\"c,d  "),
                Map.of("role", "assistant", "content", "x")));
    String source =
        "{% for m in messages %}<{{ m.role }}>{{ m.content.strip().upper() | tojson }}"
            + "{{ m.content.split(',')[-1] | trim | replace('d', '[d]') }}{% endfor %}";
    Rendering rendering = ChatTemplate.of("t", source).render(variables, Fixtures.NOW);
    StringBuilder origins = new StringBuilder();
    for (int i = 0; i < rendering.text().length(); i++) {
      origins.append(rendering.origin(i));
    }
    assertEquals("<user>\"AB\\\"C,D\"[d]<assistant>\"X\"x", rendering.text());
    assertEquals(
        "000000" + "0" + "1111111" + "0" + "000" + "00000000000" + "020" + "2", origins.toString());
  }
}
