package io.lorikeet.models.text.template;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Unknown names are found when a template is read.
final class NameCheckTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`{% if false %}{{ 'a' | shout }}{% endif %}` | No filter named 'shout'.",
        "`{% macro f() %}{% filter upper | shout %}{% endfilter %}{% endmacro %}` | No filter named 'shout'.",
        "`{% set x | shout %}{% endset %}` | No filter named 'shout'.",
        "`{{ [] | map('shout') | list }}` | No filter named 'shout'.",
        "`{{ x if y else {'a': [1, (2, 'b' | shout)]} }}` | No filter named 'shout'.",
        "`{{ x[1:'a' | shout] }}` | No filter named 'shout'.",
        "`{{ f(a='a' | shout) if f is defined }}` | No filter named 'shout'.",
        "`{{ 1 is loud }}` | No test named 'loud'.",
        "`{{ x and not 1 is not loud }}` | No test named 'loud'.",
        "`{{ [] | select('loud') | list }}` | No test named 'loud'.",
        "`{{ [] | rejectattr('a', 'loud') | list }}` | No test named 'loud'.",
        "`{% for a in [] %}{{ shout(a) }}{% else %}{% endfor %}` | No function named 'shout'.",
        "`{{ 'a' | random }}` | the filter 'random': the same chat would have another prompt each time",
      })
  void unknownNames(String source, String reason) {
    TemplateException refused =
        assertThrows(TemplateException.class, () -> ChatTemplate.of("t", "\n" + source));
    assertEquals("t, line 2: " + reason, refused.getMessage());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% macro f() %}{{ caller() }}{% endmacro %}{% if false %}{{ f() }}{% endif %}",
        "{% if f is defined %}{{ f() }}{% endif %}",
        "{% macro g(f) %}{{ f() }}{% endmacro %}",
        "{% set f = none %}{% if f %}{{ f() }}{% endif %}",
        "{% for f in [] %}{{ f() }}{% endfor %}",
        "{% for x in [] recursive %}{{ loop(x) }}{% endfor %}",
        "{% if messages %}{{ messages[0].role.upper() }}{{ raise_exception('no') }}{% endif %}",
        "{{ [] | map(**{'attribute': 'a'}) | list }}{{ [] | select(*['odd']) | list }}",
      })
  void whatMayBeThereIsNot(String source) {
    ChatTemplate.of("t", source).render(Map.of(), Fixtures.NOW);
  }

  /// Each name that is taken for known is carried out.
  @Test
  void knownNamesAreKnown() {
    for (String name : Filters.NAMES) {
      assertFalse(reason("{{ messages | " + name + " }}").contains("named"), name);
    }
    for (String name : Predicates.NAMES) {
      if (Character.isLetter(name.charAt(0))) {
        assertFalse(reason("{{ messages is " + name + " }}").contains("named"), name);
      }
    }
  }

  private static String reason(String source) {
    try {
      ChatTemplate.of("t", source).render(Map.of("messages", List.of()), Fixtures.NOW);
      return "";
    } catch (TemplateException e) {
      return e.reason();
    }
  }
}
