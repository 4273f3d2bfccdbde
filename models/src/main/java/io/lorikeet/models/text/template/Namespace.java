package io.lorikeet.models.text.template;

import java.util.LinkedHashMap;
import java.util.Map;

/// Jinja's `namespace`: attributes that inner scopes can set too.
final class Namespace {
  private final Map<String, Object> attributes = new LinkedHashMap<>();

  Object get(String name) {
    return attributes.containsKey(name) ? attributes.get(name) : Undefined.attribute(this, name);
  }

  void set(String name, Object value) {
    attributes.put(name, value);
  }
}
