package pickle_test

import (
	"fmt"

	"example.com/atrium/pickle"
)

func Example() {
	type Job struct {
		Name  string   `pickle:"name"`
		Sizes []int    `pickle:"sizes"`
		Scale *float64 `pickle:"scale"`
	}
	// As Python's pickle.dumps({"name": "blur", "sizes": [3, 5], "scale": None}) gives it.
	data, err := pickle.Marshal(Job{Name: "blur", Sizes: []int{3, 5}})
	if err != nil {
		fmt.Println(err)
		return
	}
	var job Job
	if err := pickle.Unmarshal(data, &job); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Name, job.Sizes, job.Scale == nil)

	var wrong struct{ Sizes []int8 }
	data, _ = pickle.Marshal(map[string][]int{"Sizes": {3, 500}})
	fmt.Println(pickle.Unmarshal(data, &wrong))
	// Output:
	// blur [3 5] true
	// pickle: the Python int 500 cannot become a Go int8 at .Sizes[1]: out of range
}

// A class of Python stays what it is, and goes back as it came.
func ExampleObject() {
	// pickle.dumps(ValueError("no such row"), 2)
	data := "\x80\x02cexceptions\nValueError\nq\x00X\x0b\x00\x00\x00no such rowq\x01\x85q\x02Rq\x03."
	v, err := pickle.Decode([]byte(data))
	if err != nil {
		fmt.Println(err)
		return
	}
	o := v.(*pickle.Object)
	fmt.Println(o.Class(), o.Args[0])
	fmt.Println(pickle.Repr(o), pickle.Equal(o, pickle.Call("builtins", "ValueError", "no such row")))
	// Output:
	// ValueError no such row
	// ValueError('no such row') true
}

func ExampleDict() {
	d := pickle.NewDict(pickle.Item{Key: 1, Value: "int"}, pickle.Item{Key: pickle.Tuple{1, "a"}, Value: "tuple"})
	v, ok := d.Get(1.0)
	fmt.Println(v, ok)
	fmt.Println(d.Set([]int{1}, "list"))
	fmt.Println(pickle.Repr(d))
	// Output:
	// int true
	// unhashable type: 'list'
	// {1: 'int', (1, 'a'): 'tuple'}
}
