/// Formats of the programs that serve a model.
///
/// [OllamaTemplate][io.lorikeet.finetune.serving.OllamaTemplate] writes a chat template in Ollama's
/// language, where that makes the same prompts.
package io.lorikeet.finetune.serving;
