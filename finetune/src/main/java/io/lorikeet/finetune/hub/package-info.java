/// Files of a hub such as huggingface.co, the one thing that Lorikeet fetches over a network: by
/// `pull`, which resumes and checks what it fetches, and by `plan`, which reads a model's head.
@Beta
@NullMarked
package io.lorikeet.finetune.hub;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
