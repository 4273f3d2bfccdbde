package io.lorikeet.train.run;

import io.lorikeet.bindings.Beta;
import io.lorikeet.models.architecture.TokenBatch;
import io.lorikeet.train.data.DataSet;
import io.lorikeet.train.data.Judgement;
import io.lorikeet.train.data.MicroBatch;
import io.lorikeet.train.data.TokenizedExample;
import io.lorikeet.train.data.TrainingData;
import io.lorikeet.train.data.files.FileHash;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/// The hash of a run's data: of the rows that the model is given, independent of the files,
/// templates and settings that made them, and of what it is compared with on them.
@Beta
public final class DataHash {
  private DataHash() {}

  /// SHA-256 of all rows, hexadecimal.
  ///
  /// @param neutral on which training is held to the base
  /// @param reference file of the adapter that preferences are compared with
  public static String of(TrainingData data, Optional<DataSet> neutral, Optional<Path> reference)
      throws IOException {
    MessageDigest digest = sha256();
    update(digest, data.training());
    data.validation().ifPresent(validation -> update(digest, validation));
    neutral.ifPresent(rows -> update(digest, rows));
    if (reference.isPresent()) {
      digest.update(FileHash.of(reference.get()).sum());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void update(MessageDigest digest, DataSet rows) {
    for (MicroBatch batch : rows.batches(1)) {
      TokenBatch tokens = batch.tokens();
      ByteBuffer bytes = ByteBuffer.allocate(4 * Integer.BYTES * tokens.size());
      bytes.asIntBuffer().put(tokens.tokens()).put(tokens.targets()).put(tokens.seenUntil());
      bytes.position(3 * Integer.BYTES * tokens.size()).asFloatBuffer().put(tokens.targetWeights());
      digest.update(bytes.position(0));
      for (TokenizedExample example : batch.examples()) {
        if (example.judgement() != Judgement.NONE) {
          digest.update((byte) example.judgement().ordinal());
        }
      }
    }
    digest.update((byte) '\n');
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
