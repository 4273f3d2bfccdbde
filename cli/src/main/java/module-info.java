/// The command line.
module io.lorikeet.cli {
  requires io.lorikeet.finetune;
  requires com.fasterxml.jackson.databind;
  requires info.picocli;
  requires jdk.unsupported; // signals, see InterruptKey
  requires static transitive org.jspecify;

  opens io.lorikeet.cli to
      info.picocli;
}
