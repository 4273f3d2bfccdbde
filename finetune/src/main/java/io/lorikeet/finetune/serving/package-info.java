/// How programs serve a model.
///
/// [OllamaTemplate][io.lorikeet.finetune.serving.OllamaTemplate] writes a chat template in Ollama's
/// language, where that makes the same prompts.
/// [TemplateChoice][io.lorikeet.finetune.serving.TemplateChoice] finds the template that a model is
/// to be served with.
@Beta
@NullMarked
package io.lorikeet.finetune.serving;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
