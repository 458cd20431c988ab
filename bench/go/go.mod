module rolecall/bench

go 1.22
