/// Chat templates: a small interpreter for the part of Jinja that they use.
///
/// A [ChatTemplate][io.lorikeet.models.text.template.ChatTemplate] is read once: the
/// [Lexer][io.lorikeet.models.text.template.Lexer] makes tokens of its text, two parsers make
/// [statements][io.lorikeet.models.text.template.Statement] and
/// [expressions][io.lorikeet.models.text.template.Expression] of the tokens. To render, the
/// [Interpreter][io.lorikeet.models.text.template.Interpreter] carries out the statements and the
/// [Evaluator][io.lorikeet.models.text.template.Evaluator] gives the expressions their values, as
/// Python would: [PythonValues][io.lorikeet.models.text.template.PythonValues] and
/// [Operators][io.lorikeet.models.text.template.Operators] are Python's, the filters and tests
/// Jinja's.
///
/// Only strings are unlike Jinja's: a [Text][io.lorikeet.models.text.template.Text] knows of each
/// character whether the template or a message brought it. Masks of the loss are made from that,
/// and a user's `<|im_end|>` stays text.
///
/// A template is an untrusted program. It can only reach the values it is given, and a
/// [Budget][io.lorikeet.models.text.template.Budget] bounds its time and memory.
///
/// Two things are as in llama.cpp's server and not as in Transformers: lists and dictionaries may
/// be changed by their methods (Kimi K2's template does), and there is a filter `from_json`
/// (DeepSeek V3.2's).
///
/// The package isn't `@NullMarked`, unlike all others: null is Jinja's `none`, and any value of a
/// template may be that.
package io.lorikeet.models.text.template;
