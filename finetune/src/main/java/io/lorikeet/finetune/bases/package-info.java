/// Bases where people have them. [io.lorikeet.finetune.bases.BaseFinder] gives the GGUF file of a
/// model by what it is called: a file, a folder, a cache of another program, or a name of Ollama's.
@Beta
@NullMarked
package io.lorikeet.finetune.bases;

import io.lorikeet.bindings.Beta;
import org.jspecify.annotations.NullMarked;
