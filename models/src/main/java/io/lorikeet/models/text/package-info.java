/// Text to tokens and back, as llama.cpp does it for the base.
package io.lorikeet.models.text;
