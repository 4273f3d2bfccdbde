package io.lorikeet.train.data.files;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/// Takes what a file holds, record by record, in their order.
interface RecordSink {
  /// A record.
  ///
  /// @param line where it begins, from 1
  void record(JsonNode value, int line);

  /// A row of a table, in which an empty cell can stand for no value.
  ///
  /// @param line where it begins, from 1
  void row(ObjectNode cells, int line);

  /// Whether anything may be read from a column of this name.
  boolean uses(String column);

  /// A line that is no record; reading goes on.
  void badLine(int line, String text);

  /// Nothing more can be read from the file.
  ///
  /// @param line where, from 1; 0 for all of the file
  void badFile(int line, String text);
}
