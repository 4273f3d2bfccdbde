/// Fine-tuning from a program: [FineTune] trains on what it is given, and proves the adapter.
package example;
