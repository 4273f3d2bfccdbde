/// Numbers, tables and proofs as people read them, in commands and in reports.
package io.lorikeet.finetune.text;
