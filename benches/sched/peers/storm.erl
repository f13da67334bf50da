%% The benches of `ironloom-sched` for Erlang/OTP: erl -noshell -s storm main NAME.
%% Prints lines of "what<TAB>value"; peers.sh makes a table of them.
-module(storm).
-export([main/1]).

main([Name]) ->
    %% A heap so large that its collection, with a million names in it, is no part of what is measured.
    {_, Ref} = spawn_opt(fun() -> run(Name) end, [monitor, {min_heap_size, 20000000}]),
    receive
        {'DOWN', Ref, process, _, normal} -> halt();
        {'DOWN', Ref, process, _, Reason} -> io:format("failed\t~p~n", [Reason]), halt(1)
    end.

run(spawn) ->
    Count = 1000000,
    _ = crowd(Count div 10),
    {Nanos, Bytes} = median([crowd(Count) || _ <- lists:seq(1, 3)]),
    show("spawn+message+exit", "~.2f us", [Nanos / Count / 1000]),
    show("bytes per process", "~.1f B", [Bytes / Count]);
run(ring) ->
    show("ring, per hop", "~.1f ns", [circle(10000, 3000000)]);
run(ping_pong) ->
    show("ping-pong, round trip", "~.1f ns", [2 * circle(2, 3000000)]);
run(pinned) ->
    %% Each process on a scheduler of its own, by an option that the system has for its own tests.
    Parent = self(),
    Trips = 200000,
    Pong = spawn_opt(fun() -> pong() end, [{scheduler, 2}]),
    _ = spawn_opt(fun() -> Parent ! {took, timed(fun() -> ping(Pong, Trips) end)} end, [{scheduler, 1}]),
    receive {took, Nanos} -> show("ping-pong, 2 schedulers", "~.1f ns", [Nanos / Trips]) end;
run(wake) ->
    wake(normal),
    wake(high).

show(What, Format, Values) ->
    io:format("~s\t" ++ Format ++ "~n", [What | Values]).

timed(Work) ->
    Began = erlang:monotonic_time(nanosecond),
    Work(),
    erlang:monotonic_time(nanosecond) - Began.

median(Values) ->
    lists:nth((length(Values) + 1) div 2, lists:sort(Values)).

%% Spawns processes that wait, sends each a message, and waits until all have exited.
crowd(Count) ->
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Parent = self(),
    Began = erlang:monotonic_time(nanosecond),
    Left = counters:new(1, [atomics]),
    Process = fun() -> receive go -> leave(Left, Count, Parent) end end,
    Pids = [spawn(Process) || _ <- lists:seq(1, Count)],
    Spawned = erlang:monotonic_time(nanosecond),
    Bytes = erlang:memory(total) - Before,
    Measured = erlang:monotonic_time(nanosecond),
    [Pid ! go || Pid <- Pids],
    receive empty -> ok end,
    {erlang:monotonic_time(nanosecond) - Began - (Measured - Spawned), Bytes}.

leave(Left, Count, Parent) ->
    counters:add(Left, 1, 1),
    case counters:get(Left, 1) of
        Count -> Parent ! empty;
        _ -> ok
    end.

%% Processes in a circle that hand a token on; the time of a hop.
circle(Count, Hops) ->
    Parent = self(),
    First = spawn(fun() -> receive {next, Next} -> hand_on(Next, Parent) end end),
    Last = lists:foldl(fun(_, Next) -> spawn(fun() -> hand_on(Next, Parent) end) end,
                       First, lists:seq(2, Count)),
    First ! {next, Last},
    Round = fun(Token) -> First ! Token, receive arrived -> ok end end,
    Round(Hops div 10),
    timed(fun() -> Round(Hops) end) / Hops.

hand_on(Next, Parent) ->
    receive
        0 -> Parent ! arrived;
        Token -> Next ! Token - 1
    end,
    hand_on(Next, Parent).

ping(_, 0) -> ok;
ping(Pong, Trips) ->
    Pong ! self(),
    receive pong -> ping(Pong, Trips - 1) end.

pong() ->
    receive Pid -> Pid ! pong end,
    pong().

%% How late a process wakes each millisecond beside a thousand that never wait.
wake(Priority) ->
    Hogs = [spawn(fun() -> burn(Number) end) || Number <- lists:seq(1, 1000)],
    Parent = self(),
    Body = fun() -> Parent ! {late, periodic(erlang:monotonic_time(nanosecond) + 3000000000, [])} end,
    _ = spawn_opt(Body, [{priority, Priority}]),
    receive {late, Late} -> ok end,
    [exit(Hog, kill) || Hog <- Hogs],
    Sorted = list_to_tuple(lists:sort(Late)),
    At = fun(Share) -> element(max(1, ceil(tuple_size(Sorted) * Share)), Sorted) / 1000000 end,
    show(io_lib:format("wake, ~w: p50 / p99 / p99.9", [Priority]), "~.2f / ~.2f / ~.2f ms",
         [At(0.5), At(0.99), At(0.999)]).

burn(Value) ->
    burn(Value * 16807 rem 2147483647).

periodic(End, Late) ->
    Due = erlang:monotonic_time(nanosecond) + 1000000,
    receive after 1 -> ok end,
    Woken = erlang:monotonic_time(nanosecond),
    if
        Woken >= End -> [Woken - Due | Late];
        true -> periodic(End, [Woken - Due | Late])
    end.
