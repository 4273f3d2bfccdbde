module example {
  requires io.lorikeet.finetune;
}
