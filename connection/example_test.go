package connection_test

import (
	"context"
	"fmt"
	"log"

	"example.com/atrium/connection"
)

// The other end may be stock Python:
//
//	from multiprocessing.connection import Client
//	c = Client("\0prices", authkey=b"secret")
//	c.send(["tea", 3]); print(c.recv())
func Example() {
	ctx := context.Background()
	conf := connection.Config{Authkey: []byte("secret")}
	l, err := connection.Listen("abstract:atrium-example-prices", conf)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept(ctx)
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		v, err := c.Recv(ctx)
		if err == nil {
			err = c.Send(ctx, fmt.Sprintf("got %v", v))
		}
		if err != nil {
			log.Print(err)
		}
	}()

	c, err := connection.Dial(ctx, l.Addr(), conf)
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if err := c.Send(ctx, "tea"); err != nil {
		log.Fatal(err)
	}
	v, err := c.Recv(ctx)
	fmt.Println(v, err)
	// Output: got tea <nil>
}
