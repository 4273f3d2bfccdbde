package io.lorikeet.train.data;

/// One example as it stands in a file.
///
/// @param prompt what the model is given; null where the example is plain text and all of it is
///     learned
/// @param completion what the model is to say
/// @param document whether it is a whole file, which is trained on in pieces where it is longer
///     than the context
/// @param source the file, as the user named it
/// @param line line of the file where the example begins, from 1
public record Example(
    String prompt, String completion, boolean document, String source, int line) {}
