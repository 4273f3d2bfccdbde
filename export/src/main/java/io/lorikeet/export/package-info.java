/// What comes out of training.
///
/// [AdapterExporter][io.lorikeet.export.AdapterExporter] writes a trained adapter as the GGUF that
/// llama.cpp reads, [AdapterFile][io.lorikeet.export.AdapterFile] reads such files back, and
/// [AdapterVerifier][io.lorikeet.export.AdapterVerifier] proves that llama.cpp computes with the
/// file what the trainer computed.
package io.lorikeet.export;
