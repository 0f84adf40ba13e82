a{goal:"x",tools:[b c,d,],output:{n:number s:"string",},}, b{goal:'y' tools:{}}, run("in"),
chain{a,b,parallel{a,b,},merge{x:branch_0.n y:branch_1,},},
