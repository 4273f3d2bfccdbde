/// Adapters as Hugging Face's PEFT stores them, read and written: a folder with
/// `adapter_config.json` and `adapter_model.safetensors` (PEFT's "checkpoint format").
@Beta
@NullMarked
package io.lorikeet.export.peft;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
