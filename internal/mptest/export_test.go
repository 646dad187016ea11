package mptest

func init() { grace /= 200 } // what tests leave on purpose has not to be waited for
