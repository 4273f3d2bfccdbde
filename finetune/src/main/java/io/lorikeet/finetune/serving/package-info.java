/// Formats of the programs that serve a model.
///
/// [OllamaTemplate][io.lorikeet.finetune.serving.OllamaTemplate] writes a chat template in Ollama's
/// language, where that makes the same prompts.
@NullMarked
package io.lorikeet.finetune.serving;

import org.jspecify.annotations.NullMarked;
