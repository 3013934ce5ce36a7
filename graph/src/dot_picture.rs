//! A graph as a picture, in Graphviz's DOT language.
