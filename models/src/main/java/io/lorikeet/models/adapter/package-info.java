/// Adapter files: GGUF as llama.cpp loads it.
///
/// The [AdapterExporter][io.lorikeet.models.adapter.AdapterExporter] writes an adapter with an
/// [AdapterStorage][io.lorikeet.models.adapter.AdapterStorage], and
/// [AdapterFile][io.lorikeet.models.adapter.AdapterFile] reads such a file back and checks that it
/// belongs to a base ([BaseIdentity][io.lorikeet.models.adapter.BaseIdentity]).
@NullMarked
package io.lorikeet.models.adapter;

import org.jspecify.annotations.NullMarked;
