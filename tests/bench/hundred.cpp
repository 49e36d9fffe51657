// A program with a hundred shared objects, which the Makefile makes, and nothing else to do.
int main() {}
