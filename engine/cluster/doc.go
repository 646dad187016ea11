// Package cluster runs a pool's tasks on Ray or Dask, a cluster of the user's or one that it starts on this machine.
//
//	this program ── socket ── bridge (Python) ── Ray, Dask ── worker process of the engine (Python)
//	  Engine                    atrium_bridge.py                   atrium_node.py ── socket ── node (this binary)
//	                                                                                            engine/local
//
// The engine places, retries and scales; nothing here is a scheduler. Tasks of one function are put into chunks, each a task of the
// engine's. In a worker process of the engine the chunk goes to a child of it that lives on from task to task, this program's own
// binary in the role of a node, which runs package engine/local: so time limits, cancelling, dying workers and what they print
// are what they are on one machine. Arrays in arguments are put into the engine's store once, and copied once for each node
// into a Space of the node's; arrays in results come back and become the driver's.
//
// docs/guide/from-one-machine-to-a-cluster.md tells what an engine cannot promise, docs/formats/cluster.md what goes over the sockets.
package cluster
