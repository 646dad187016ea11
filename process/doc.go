// Package process starts child processes that cannot outlive their parent and cannot be mistaken for another: this
// binary again, running a function registered with Func, or Python.
//
// A child runs because main calls atrium.Main (or Main here) first: in the parent it does nothing, in a child it
// runs what the child was started for and never returns. Children are killed by the kernel when the parent dies,
// whatever it dies of, and ignore the terminal's SIGINT, which is the parent's to handle.
package process
