// The benches of `ironloom-sched` for Go: storm NAME.
// Prints lines of "what<TAB>value"; peers.sh makes a table of them.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"sync"
	"time"
)

func main() {
	runtime.GOMAXPROCS(2)
	switch os.Args[1] {
	case "spawn":
		spawn()
	case "ring":
		fmt.Printf("ring, per hop\t%.0f ns\n", circle(10_000, 3_000_000))
	case "ping_pong":
		fmt.Printf("ping-pong, round trip\t%.0f ns\n", 2*circle(2, 3_000_000))
	case "pinned":
		pinned()
	case "wake":
		wake()
	}
}

// spawn starts goroutines that wait, sends each a message, and waits until all have returned.
func spawn() {
	const count = 1_000_000
	crowd(count / 10)
	type result struct{ nanos, bytes float64 }
	var results []result
	for round := 0; round < 3; round++ {
		nanos, bytes := crowd(count)
		results = append(results, result{nanos, bytes})
	}
	sort.Slice(results, func(i, j int) bool { return results[i].nanos < results[j].nanos })
	fmt.Printf("spawn+message+exit\t%.2f us\n", results[1].nanos/count/1e3)
	// Later rounds reuse the stacks of the first.
	most := 0.0
	for _, one := range results {
		if one.bytes > most {
			most = one.bytes
		}
	}
	fmt.Printf("bytes per process\t%.0f B\n", most/count)
}

func crowd(count int) (nanos, bytes float64) {
	runtime.GC()
	before := held()
	began := time.Now()
	var all sync.WaitGroup
	all.Add(count)
	channels := make([]chan uint64, count)
	for index := range channels {
		channel := make(chan uint64, 1)
		channels[index] = channel
		go func() {
			<-channel
			all.Done()
		}()
	}
	spawned := time.Since(began)
	bytes = held() - before
	began = time.Now()
	for _, channel := range channels {
		channel <- 1
	}
	all.Wait()
	return float64((spawned + time.Since(began)).Nanoseconds()), bytes
}

// held is what goroutines and channels take.
func held() float64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc + stats.StackInuse)
}

// circle has goroutines hand a token on; it returns the nanoseconds of a hop.
func circle(count, hops int) float64 {
	done := make(chan bool)
	first := make(chan int, 1)
	own := first
	for number := 0; number < count; number++ {
		next := make(chan int, 1)
		if number+1 == count {
			next = first
		}
		go func(own, next chan int) {
			for token := range own {
				if token == 0 {
					done <- true
				} else {
					next <- token - 1
				}
			}
		}(own, next)
		own = next
	}
	round := func(token int) { first <- token; <-done }
	round(hops / 10)
	began := time.Now()
	round(hops)
	return float64(time.Since(began).Nanoseconds()) / float64(hops)
}

// pinned plays ping-pong between two goroutines that are locked to threads of their own.
func pinned() {
	const trips = 50_000
	ping, pong := make(chan int), make(chan int)
	took := make(chan time.Duration)
	go func() {
		runtime.LockOSThread()
		for trip := range ping {
			pong <- trip
		}
	}()
	go func() {
		runtime.LockOSThread()
		began := time.Now()
		for trip := 0; trip < trips; trip++ {
			ping <- trip
			<-pong
		}
		took <- time.Since(began)
	}()
	fmt.Printf("ping-pong, 2 threads\t%.0f ns\n", float64((<-took).Nanoseconds())/trips)
}

// wake tells how late a goroutine wakes each millisecond beside a thousand that never wait.
func wake() {
	for hog := 0; hog < 1_000; hog++ {
		go func() {
			for value := uint64(1); value != 0; value = value*6364136223846793005 + 2 {
			}
		}()
	}
	var late []float64
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); {
		due := time.Now().Add(time.Millisecond)
		time.Sleep(time.Millisecond)
		late = append(late, time.Since(due).Seconds()*1e3)
	}
	sort.Float64s(late)
	at := func(share float64) float64 { return late[int(float64(len(late)-1)*share)] }
	fmt.Printf("wake: p50 / p99 / p99.9\t%.2f / %.2f / %.2f ms\n", at(0.5), at(0.99), at(0.999))
}
