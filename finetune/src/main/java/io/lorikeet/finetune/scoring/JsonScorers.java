package io.lorikeet.finetune.scoring;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.networknt.schema.AbsoluteIri;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaException;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SchemaValidatorsConfig;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.resource.InputStreamSource;
import io.lorikeet.quant.InvalidInputException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Scorers of answers that should be JSON.
final class JsonScorers {
  static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private JsonScorers() {}

  /// Whether the answer is one JSON value and nothing else.
  static Score valid(Question question, String answer) {
    return Score.of(read(answer).isPresent());
  }

  /// Stands before the validator's own loaders, and lets through what comes with the validator.
  private static @Nullable InputStreamSource only(AbsoluteIri place) {
    if (place.toString().startsWith("classpath:")) {
      return null;
    }
    throw new JsonSchemaException("it refers to " + place + ", and nothing is fetched");
  }

  /// The JSON value that a text is.
  static Optional<JsonNode> read(String text) {
    try {
      return Optional.of(JSON.readTree(text)).filter(value -> !value.isMissingNode());
    } catch (JsonProcessingException _) {
      return Optional.empty();
    }
  }

  /// Whether the answer is JSON that a schema allows. Schemas are of draft 2020-12 unless `$schema`
  /// names an earlier one; what they refer to must be in them, for nothing is fetched, and `format`
  /// is not asserted.
  ///
  /// @param place the schema's, for messages
  /// @throws InvalidInputException when it is no schema
  static Scorer schema(JsonNode schema, String place) {
    if (!schema.isObject() && !schema.isBoolean()) {
      throw new InvalidInputException(place + ": a JSON schema is an object");
    }
    JsonSchema checked;
    try {
      checked =
          JsonSchemaFactory.getInstance(
                  SpecVersion.VersionFlag.V202012,
                  factory -> factory.schemaLoaders(of -> of.add(JsonScorers::only)))
              .getSchema(
                  schema, SchemaValidatorsConfig.builder().formatAssertionsEnabled(false).build());
      checked.initializeValidators();
    } catch (JsonSchemaException e) {
      throw new InvalidInputException(
          place + ": this JSON schema can't be used: " + e.getMessage(), e);
    }
    return (_, answer) -> {
      Optional<JsonNode> value = read(answer);
      try {
        return Score.of(value.isPresent() && checked.validate(value.get()).isEmpty());
      } catch (JsonSchemaException | StackOverflowError e) {
        return Score.failed("the JSON schema can't be applied: " + e.getMessage());
      }
    };
  }
}
