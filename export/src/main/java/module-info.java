/// What comes out of training: adapter files, and the proof that llama.cpp computes with them what
/// the trainer did.
module io.lorikeet.export {
  requires transitive io.lorikeet.models;

  exports io.lorikeet.export;
}
