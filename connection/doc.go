// Package connection sends whole messages between processes, byte for byte as Python's multiprocessing.connection does:
// a Listener here serves stock Python's Client, and Dial reaches its Listener.
//
// Addresses are written as the command line writes them:
//
//	unix:PATH       a socket file, 0600, for this user's processes
//	abstract:NAME   a name of the kernel's, for this user's processes of the same network namespace
//	tcp:HOST:PORT   TCP over IPv4, or IPv6 when HOST is such an address in brackets; only with an authkey
//
// A Conn is made by Dial, by a Listener's Accept, or by Pipe. Both ends prove to each other that they have the same
// authkey before anything else is read, with every digest that CPython 3.9 to 3.14 knows. What follows is neither encrypted nor
// signed, as in Python: over networks that others can read or change, use a tunnel.
//
// A message is bytes (SendBytes, RecvBytes) or a pickled value (Send, Recv); pickles are data here and are never run.
// Sends and receives may be called by any goroutines: a message goes and comes whole, in the order in which the calls got their turn. All
// that wait end with their context or with Close. When the peer closes or dies, what it had sent is still received, then
// comes io.EOF, or io.ErrUnexpectedEOF when the end is inside a message.
package connection
