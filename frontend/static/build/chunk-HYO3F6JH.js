var l=null,r=null,t={setEditor(n){l=n},setRunner(n){r=n},draft:()=>l?l.draft():null,flush:()=>l?.flush(),run:()=>r?.run()};export{t as a};
