package io.lorikeet.models.adapter;

/// The chat template that an adapter was trained with: to be served with.
///
/// @param origin where it came from, in words: `the chat template chatml`, the name of a file
/// @param text the template, in Jinja
public record TrainedTemplate(String origin, String text) {}
