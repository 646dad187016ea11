package shm_test

import (
	"fmt"
	"log"
	"os"

	"example.com/atrium/shm"
)

// Two views of one name: what is written through the first is seen through the second, here and in any process.
func Example() {
	s, err := shm.Open("example-space")
	if err != nil {
		log.Fatal(err)
	}
	defer shm.RemoveSpace(s.Path())
	defer s.Close()

	mine, err := s.Create("greeting", 64, func(b []byte) error {
		copy(b, "hello") // nobody can attach before this is done
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	defer mine.Close()

	yours, err := s.Attach("greeting", false)
	if err != nil {
		log.Fatal(err)
	}
	defer yours.Close()
	mine.Bytes()[0] = 'H'
	fmt.Printf("%s, %d bytes\n", yours.Bytes()[:5], yours.Size())
	// Output: Hello, 64 bytes
}

// A file that appears whole or not at all, and that worker processes fill in place before.
func ExampleDraft() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	d, err := shm.NewDraft(dir+"/out", 1<<20)
	if err != nil {
		log.Fatal(err)
	}
	defer d.Abort() // does nothing after Commit
	defer d.Segment().Close()

	copy(d.Segment().Bytes(), "result")
	_, err = os.Stat(dir + "/out")
	fmt.Println("there before:", err == nil)
	if err := d.Commit(false); err != nil {
		log.Fatal(err)
	}
	_, err = os.Stat(dir + "/out")
	fmt.Println("there after:", err == nil)
	// Output:
	// there before: false
	// there after: true
}

// In Python: l = multiprocessing.shared_memory.ShareableList(name=…); l[1] += 1
func ExampleShareableList() {
	s, err := shm.Open("example-space")
	if err != nil {
		log.Fatal(err)
	}
	defer shm.RemoveSpace(s.Path())
	defer s.Close()
	l, err := shm.NewShareableList(s, "", []any{"jobs", 41, true})
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close()
	defer l.Remove()
	if err := l.Set(1, 42); err != nil {
		log.Fatal(err)
	}
	all, err := l.All()
	fmt.Println(all, err)
	// Output: [jobs 42 true] <nil>
}
