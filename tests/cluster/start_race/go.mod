module rolecall.test/start_race

go 1.24
