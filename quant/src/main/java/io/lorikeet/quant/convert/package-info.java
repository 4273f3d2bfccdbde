/// Makes GGUF models of Hugging Face folders, as llama.cpp's `convert_hf_to_gguf.py` does.
///
/// [io.lorikeet.quant.convert.ModelConverter] reads the folder's files
/// ([io.lorikeet.quant.convert.ModelFolder]), asks the model's
/// [io.lorikeet.quant.convert.ConvertedFamily] for the hyperparameters and for the name and rows of
/// each tensor ([io.lorikeet.quant.convert.WeightRows]), adds the vocabulary
/// ([io.lorikeet.quant.convert.Vocabulary]), and streams all of it into the file.
@NullMarked
package io.lorikeet.quant.convert;

import org.jspecify.annotations.NullMarked;
