package io.lorikeet.cli;

import java.util.Optional;

/// Ollama's templates, in Go's `text/template`, for the chat formats that are common: a base's own
/// Jinja template can't be used there. Conversations end with the user's turn, as a chat program
/// sends them.
enum OllamaTemplate {
  /// Qwen, Yi, SmolLM and many fine-tuned models.
  CHATML(
      "<|im_start|>",
      """
      {{- range .Messages }}<|im_start|>{{ .Role }}
      {{ .Content }}<|im_end|>
      {{ end }}<|im_start|>assistant
      """),
  /// Llama 3.
  LLAMA3(
      "<|start_header_id|>",
      """
      {{- range .Messages }}<|start_header_id|>{{ .Role }}<|end_header_id|>

      {{ .Content }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>

      """),
  /// Gemma, which knows no system role.
  GEMMA(
      "<start_of_turn>",
      """
      {{- range .Messages }}<start_of_turn>{{ if eq .Role "assistant" }}model{{ else }}user{{ end }}
      {{ .Content }}<end_of_turn>
      {{ end }}<start_of_turn>model
      """),
  /// Phi 3 and 4 mini.
  PHI(
      "<|end|>",
      """
      {{- range .Messages }}<|{{ .Role }}|>
      {{ .Content }}<|end|>
      {{ end }}<|assistant|>
      """),
  /// Zephyr, TinyLlama.
  ZEPHYR(
      "<|assistant|>",
      """
      {{- range .Messages }}<|{{ .Role }}|>
      {{ .Content }}</s>
      {{ end }}<|assistant|>
      """),
  /// Mistral, Llama 2; system texts stand before the user's.
  INST(
      "[INST]",
      """
      {{- range .Messages }}{{ if eq .Role "assistant" }} {{ .Content }}</s>{{ else }}[INST] {{ .Content }} [/INST]{{ end }}{{ end }}"""),
  /// A base without chat: it continues what it is given.
  NONE("", "{{ .Prompt }}");

  private final String marker;
  private final String text;

  OllamaTemplate(String marker, String text) {
    this.marker = marker;
    this.text = text;
  }

  /// The template for a base, if its chat format is one of these.
  ///
  /// @param chatTemplate the base's own template, in Jinja
  static Optional<OllamaTemplate> of(Optional<String> chatTemplate) {
    if (chatTemplate.isEmpty()) {
      return Optional.of(NONE);
    }
    for (OllamaTemplate template : values()) {
      if (template != NONE && chatTemplate.get().contains(template.marker)) {
        return Optional.of(template);
      }
    }
    return Optional.empty();
  }

  String text() {
    return text;
  }
}
